/**
 * Goes on with a value: at once where it is there, which is most often, and else when it is. An
 * `await` costs a turn of the microtask queue and half a kilobyte either way.
 */
export function andThen<T, R>(
  value: T | Promise<T>,
  use: (value: T) => R | Promise<R>,
): R | Promise<R> {
  return value instanceof Promise ? value.then(use) : use(value)
}

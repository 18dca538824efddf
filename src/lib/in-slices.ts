import { setImmediate as nextTurn } from 'node:timers/promises'

/** Work that can pause: it yields wherever others may have their turn. */
export type Sliced<T> = Generator<void, T, void>

/** Runs the work to its end: at once when it does not pause; else others have a turn at each. */
export function inSlices<T>(work: Sliced<T>): T | Promise<T> {
  const step = work.next()
  return step.done === true ? step.value : continued(work)
}

async function continued<T>(work: Sliced<T>): Promise<T> {
  for (;;) {
    await nextTurn()
    const step = work.next()
    if (step.done === true) return step.value
  }
}

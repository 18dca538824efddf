export interface BackoffOptions {
  readonly firstMs: number
  readonly maxMs: number
}

/**
 * How long to wait before try number `tries` + 1: nothing before the first, then doubling up to a
 * maximum, each spread over ±20 % so that many who failed together do not return together.
 */
export function backoffMs(
  tries: number,
  { firstMs, maxMs }: BackoffOptions,
  random: () => number = Math.random,
): number {
  if (tries <= 0) return 0
  return Math.min(maxMs, firstMs * 2 ** (tries - 1)) * (0.8 + 0.4 * random())
}

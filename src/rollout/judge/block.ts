/** Requests of each version that a block should hold, so that it can tell them apart. */
const REQUESTS_PER_ARM = 4

/**
 * Whether a block has gone on long enough to be closed. Looks at the clock, at how many requests
 * there were in all, and at nothing that depends on outcomes or on which version got which
 * request: a block that ended when something looked interesting would prove anything.
 */
export function isBlockComplete(
  { elapsedMs, requests }: { readonly elapsedMs: number; readonly requests: number },
  weight: number,
  blockMs: number,
): boolean {
  if (elapsedMs < blockMs) return false
  const share = Math.min(weight, 100 - weight) / 100
  // Where one version gets everything, or a copy of it, there is nothing to wait for.
  return requests * share >= REQUESTS_PER_ARM || (share === 0 && requests >= REQUESTS_PER_ARM)
}

import type { Place, Stratum } from '../../domain/evidence.ts'

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

/**
 * What a service time is compared with. A version that is slow has more of its requests share an
 * engine, so where they ran is no reason to leave them out of the comparison: up to half of the
 * traffic they would share one less often than the stable version's, were it as fast. Beyond it they
 * would more often, and are compared with those that did (docs/decisions/0017).
 */
export function stratumOf(place: Place, weight: number): Stratum {
  return place === 'alone' || weight > 50 ? place : 'engine'
}

import type { ArmCounts } from '../../../src/domain/evidence.ts'

/** One minute of both versions, all that a controller that queries metrics gets to see. */
export interface Interval {
  readonly canary: ArmCounts
  readonly stable: ArmCounts
}

/** A rule of another controller: sees one interval after the other until it rolls back. */
export interface Rule {
  readonly name: string
  /** Whether it rolls back now. */
  readonly observe: (interval: Interval) => boolean
}

export const INTERVAL_MS = 60_000

/** Position of the p99 edge. */
const P99 = 2

/** Failed requests and invalid answers, which a rule on success rates sees alike. */
export function failureRate({ requests, errors, invalid }: ArmCounts): number {
  return (errors + invalid) / requests
}

/** Share of requests slower than the stable version's p99 edge. */
export function slowRate({ latency }: ArmCounts): number {
  const { engine } = latency
  return engine === undefined ? Number.NaN : (engine.slower[P99] ?? 0) / engine.requests
}

/** A request-duration check on p99 passes when at most one per cent is above. */
export const SLOW_RATE_MAX = 0.01
/** `request-success-rate` of at least 99 %, as in the examples of Flagger's documentation. */
export const FAILURE_RATE_MAX = 0.01

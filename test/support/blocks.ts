import type { ArmCounts, Block } from '../../src/domain/evidence.ts'

/** Counts of one version in which nothing went wrong, but for what is given. */
export function arm(requests: number, counts: Partial<ArmCounts> = {}): ArmCounts {
  return { requests, errors: 0, invalid: 0, latency: {}, classes: [], ...counts }
}

/** A block of the trial `t` at 5 %, 10 seconds long. */
export function block(canary: ArmCounts, stable: ArmCounts, more: Partial<Block> = {}): Block {
  return { trial: 't', weight: 5, durationMs: 10_000, canary, stable, ...more }
}

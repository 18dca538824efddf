import type { Comparison, Tally } from '../../domain/evidence.ts'
import { type BlockCounts, logRatioFactor } from './ratio-test.ts'
import { logTwoByTwo } from './two-by-two.ts'

/** Base rates above which the ratio test is slack: its bound takes bad events for rare. */
const RARE_MAX = 0.3
/** Requests of earlier blocks that a base rate is taken from. */
const BASE_RATE_REQUESTS_MIN = 50

const NOTHING: Tally = { bad: 0, requests: 0 }

/** The evidence of no blocks: every e-process starts at 1. */
export function noComparison(ratios: readonly number[]): Comparison {
  return { logE: ratios.map(() => 0), canary: NOTHING, stable: NOTHING }
}

/**
 * Adds one block. Whether events are rare is read from earlier blocks alone, so the choice of the
 * test keeps the expectation of every factor at 1 or below, and their product an e-process.
 */
export function addBlock(
  before: Comparison,
  block: BlockCounts,
  ratios: readonly number[],
  riskRatio: number,
): Comparison {
  const { canary, stable } = before
  const isRare = stable.requests < BASE_RATE_REQUESTS_MIN || rateOf(stable) <= RARE_MAX
  const base = (stable.bad + 0.5) / (stable.requests + 1)
  const { yc, nc, ys, ns } = block
  const saysNothing = isRare ? yc + ys === 0 : nc === 0 || ns === 0
  return {
    logE: saysNothing
      ? before.logE
      : before.logE.map((logE, index) => {
          const g = ratios[index] ?? 1
          if (isRare) return logE + logRatioFactor(block, g, riskRatio)
          return logE + logTwoByTwo(block, timesOdds(g, base * riskRatio), base, riskRatio)
        }),
    canary: { bad: canary.bad + yc, requests: canary.requests + nc },
    stable: { bad: stable.bad + ys, requests: stable.requests + ns },
  }
}

/** Share of bad events; 0 of nothing. */
export function rateOf({ bad, requests }: Tally): number {
  return requests === 0 ? 0 : bad / requests
}

/** The probability whose odds are g times those of p; 1 where p is no probability. */
function timesOdds(g: number, p: number): number {
  return p >= 1 ? 1 : (g * p) / (1 - p + g * p)
}

/** Bad events among requests of both versions, in one block. */
export interface BlockCounts {
  readonly yc: number
  readonly nc: number
  readonly ys: number
  readonly ns: number
}

/** How many times worse than tolerated the candidate is supposed to be, one hypothesis each. */
export const WORSE_RATIOS = [1.25, 1.5, 2, 3, 5, 10, 30] as const
/** The same for "better than the margin", to show that a candidate is not worse. */
export const BETTER_RATIOS = [1 / 1.25, 1 / 1.5, 1 / 2, 1 / 3, 1 / 5, 1 / 10, 1 / 30] as const

/**
 * The logarithm of the factor by which one block multiplies the e-process of the hypothesis
 * "the candidate's mean error probability is g·r times the stable version's":
 *
 *     yc·ln g + (yc + ys)·ln((r·nc + ns) / (g·r·nc + ns))
 *
 * Its expectation is at most 1 when the candidate's probability is at most r times the stable
 * one's (g > 1), or at least r times (g < 1). The weight enters through nc and ns alone, the
 * traffic that was realised. The conditional count test of Lindon & Malek, arXiv 2011.03567, with
 * the block's traffic in place of a known ratio.
 */
export function logRatioFactor({ yc, nc, ys, ns }: BlockCounts, g: number, r: number): number {
  if (yc + ys === 0) return 0
  return yc * Math.log(g) + (yc + ys) * Math.log((r * nc + ns) / (g * r * nc + ns))
}

/** ln of the mean of exp(values): an average of e-processes is one again. */
export function logMeanExp(values: readonly number[]): number {
  let max = -Infinity
  for (const value of values) if (value > max) max = value
  let sum = 0
  for (const value of values) sum += Math.exp(value - max)
  return max + Math.log(sum / values.length)
}

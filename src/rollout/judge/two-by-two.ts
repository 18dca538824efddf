import type { BlockCounts } from './ratio-test.ts'

/**
 * The logarithm of a block's e-value when the alternative is pc for the candidate and ps for the
 * stable version, against "the candidate's probability is at most r times the stable one's":
 * likelihood under the alternative over that under the nearest pair of the null (Turner, Ly &
 * Grünwald, arXiv 2106.02693). pc and ps must be fixed before the block. 0 when they are no
 * alternative: the block then says nothing.
 *
 * Unlike the ratio test it uses the requests without a bad event too, so it keeps its power where
 * bad events are not rare.
 */
export function logTwoByTwo(
  { yc, nc, ys, ns }: BlockCounts,
  pc: number,
  ps: number,
  r = 1,
): number {
  if (nc === 0 || ns === 0) return 0
  const p0s = nearestNull(pc, nc, ps, ns, r)
  const p0c = r * p0s
  if (!(pc > p0c && pc < 1 && ps > 0 && p0c < 1)) return 0
  return (
    yc * Math.log(pc / p0c) +
    (nc - yc) * Math.log((1 - pc) / (1 - p0c)) +
    ys * Math.log(ps / p0s) +
    (ns - ys) * Math.log((1 - ps) / (1 - p0s))
  )
}

/**
 * The p0s that minimises nc·KL(pc‖r·p0s) + ns·KL(ps‖p0s). Setting the derivative to zero gives
 * r(nc+ns)·x² − (nc(pc+r) + ns(1+r·ps))·x + (nc·pc + ns·ps) = 0; its smaller root lies in (0, 1/r).
 */
function nearestNull(pc: number, nc: number, ps: number, ns: number, r: number): number {
  const a = r * (nc + ns)
  const b = nc * (pc + r) + ns * (1 + r * ps)
  const c = nc * pc + ns * ps
  // The form that loses no digits when 4ac is small beside b².
  return (2 * c) / (b + Math.sqrt(Math.max(0, b * b - 4 * a * c)))
}

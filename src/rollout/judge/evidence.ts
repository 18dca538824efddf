import {
  type ArmCounts,
  type Block,
  type Comparison,
  EDGE_QUANTILES,
  type Evidence,
  type Reference,
  STRATA,
  type Stratum,
} from '../../domain/evidence.ts'
import type { JudgePolicy } from '../../domain/rollout-policy.ts'
import { addBlock, noComparison } from './comparison.ts'
import { BETTER_RATIOS, logRatioFactor, WORSE_RATIOS } from './ratio-test.ts'

const NO_COMPARISON = noComparison(WORSE_RATIOS)

/** What a trial starts with: every e-process at 1. Never gone back to within a trial. */
export const NO_EVIDENCE: Evidence = {
  blocks: 0,
  errors: NO_COMPARISON,
  notWorse: noComparison(BETTER_RATIOS),
  invalid: NO_COMPARISON,
  latency: EDGE_QUANTILES.map(() => NO_COMPARISON),
  classesMore: [],
  classesLess: [],
  crashes: { logE: 0, canary: 0, stable: 0 },
}

/**
 * Folds one block into the evidence. Each block is compared on its own and only the evidence is
 * multiplied: counts pooled over blocks of different weights would show a difference where a
 * common drift met a ramp (Simpson's paradox).
 */
export function withBlock(before: Evidence, block: Block, policy: JudgePolicy): Evidence {
  const { canary, stable } = block
  const { errors, invalid, latency, classes, notWorse } = policy
  const failures = countsOf(canary, stable, ({ errors }) => errors)
  return {
    ...before,
    blocks: before.blocks + 1,
    errors: worse(before.errors, failures, errors.riskRatio),
    notWorse: addBlock(before.notWorse, failures, BETTER_RATIOS, notWorse.riskRatio),
    invalid: worse(
      before.invalid,
      countsOf(canary, stable, ({ invalid }) => invalid),
      invalid.riskRatio,
    ),
    latency: before.latency.map((comparison, edge) =>
      withLatency(comparison, block, edge, latency.riskRatio),
    ),
    classesMore: withClasses(before.classesMore, canary, stable, classes.riskRatio),
    classesLess: withClasses(before.classesLess, stable, canary, classes.riskRatio),
  }
}

/** Each stratum is a block of its own: what ran alone is compared with what ran alone. */
function withLatency(
  before: Comparison,
  { canary, stable }: Block,
  edge: number,
  riskRatio: number,
): Comparison {
  let after = before
  for (const stratum of STRATA) {
    const c = canary.latency[stratum]
    const s = stable.latency[stratum]
    if (c === undefined && s === undefined) continue
    const counts = {
      yc: c?.slower[edge] ?? 0,
      nc: c?.requests ?? 0,
      ys: s?.slower[edge] ?? 0,
      ns: s?.requests ?? 0,
    }
    after = worse(after, counts, riskRatio)
  }
  return after
}

function withClasses(
  before: readonly Comparison[],
  suspect: ArmCounts,
  other: ArmCounts,
  riskRatio: number,
): readonly Comparison[] {
  const nc = sum(suspect.classes)
  const ns = sum(other.classes)
  if (nc + ns === 0) return before
  return Array.from({ length: Math.max(before.length, other.classes.length) }, (_, index) =>
    worse(
      before[index] ?? NO_COMPARISON,
      { yc: suspect.classes[index] ?? 0, nc, ys: other.classes[index] ?? 0, ns },
      riskRatio,
    ),
  )
}

/** The hypothesis of the crash test: the candidate's engines crash a hundred times as often. */
const CRASH_RATIO = 100
const CRASH_WEIGHT_MIN = 5
const CRASH_WEIGHT_MAX = 50

/**
 * Adds crashes of engine processes at a weight. They are few and cannot wait for a block to end,
 * so the weight stands in for the traffic, kept between bounds: three crashes at 5 % are enough
 * when the stable version has none, a dozen at 50 %.
 */
export function withCrashes(
  before: Evidence,
  crashes: { readonly canary: number; readonly stable: number },
  weight: number,
): Evidence {
  const { logE, canary, stable } = before.crashes
  const share = Math.min(CRASH_WEIGHT_MAX, Math.max(CRASH_WEIGHT_MIN, weight))
  const counts = { yc: crashes.canary, nc: share, ys: crashes.stable, ns: 100 - share }
  return {
    ...before,
    crashes: {
      logE: logE + logRatioFactor(counts, CRASH_RATIO, 1),
      canary: canary + crashes.canary,
      stable: stable + crashes.stable,
    },
  }
}

/** The edges and classes of a reference from what the stable version did before the trial. */
export function freezeReference(
  serviceTimesMs: Readonly<Partial<Record<Stratum, Iterable<number>>>>,
  classCounts: ReadonlyMap<number, number>,
  policy: JudgePolicy,
): Reference {
  const latencyEdgesMs: Partial<Record<Stratum, readonly number[]>> = {}
  for (const stratum of STRATA) {
    const sorted = Float64Array.from(serviceTimesMs[stratum] ?? []).sort()
    if (sorted.length < EDGE_SAMPLES_MIN) continue
    latencyEdgesMs[stratum] = EDGE_QUANTILES.map(
      (quantile) =>
        (sorted[Math.ceil(quantile * sorted.length) - 1] ?? 0) * policy.latency.slowdown,
    )
  }
  const classes = [...classCounts]
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, policy.classes.top)
    .map(([index]) => index)
  return { latencyEdgesMs, classes }
}

/**
 * What is frozen stays. A stratum of which too little was seen then gets its edges once there is
 * enough; only blocks that begin later are held against them, and nothing of those went into them.
 */
export function withReference(
  known: Reference | null,
  seen: Reference | undefined,
): Reference | null {
  if (known === null || seen === undefined) return known ?? seen ?? null
  const isNew = (stratum: Stratum) =>
    known.latencyEdgesMs[stratum] === undefined && seen.latencyEdgesMs[stratum] !== undefined
  if (!STRATA.some(isNew)) return known
  return { ...known, latencyEdgesMs: { ...seen.latencyEdgesMs, ...known.latencyEdgesMs } }
}

/** Whether no later look adds anything. */
export function isWhole({ latencyEdgesMs }: Reference): boolean {
  return STRATA.every((stratum) => latencyEdgesMs[stratum] !== undefined)
}

/** Service times that the edges of a stratum need at least. */
const EDGE_SAMPLES_MIN = 100

function worse(before: Comparison, counts: Parameters<typeof addBlock>[1], riskRatio: number) {
  return addBlock(before, counts, WORSE_RATIOS, riskRatio)
}

function countsOf(canary: ArmCounts, stable: ArmCounts, bad: (arm: ArmCounts) => number) {
  return { yc: bad(canary), nc: canary.requests, ys: bad(stable), ns: stable.requests }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

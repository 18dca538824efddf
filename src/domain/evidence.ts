/**
 * Where a request ran, known when it is dispatched: `alone` has every core, `single` an engine to
 * itself, `shared` an engine in which other requests are decoded meanwhile.
 */
const PLACES = ['alone', 'single', 'shared'] as const

export type Place = (typeof PLACES)[number]

/** Service times are compared within a stratum only. `engine`: single or shared, whichever. */
export const STRATA = [...PLACES, 'engine'] as const

export type Stratum = (typeof STRATA)[number]

/** The quantiles of the stable version's service times that become edges. */
export const EDGE_QUANTILES = [0.5, 0.9, 0.99] as const

/** What the stable version was like before it was compared; what is in it stays for a whole trial. */
export interface Reference {
  /** Of each stratum, one service time in milliseconds per EDGE_QUANTILES. */
  readonly latencyEdgesMs: Readonly<Partial<Record<Stratum, readonly number[]>>>
  /** Indices of the most frequent classes, most frequent first. */
  readonly classes: readonly number[]
}

/** What one version did in one block. A client's own mistakes (4xx) are not in it. */
export interface ArmCounts {
  readonly requests: number
  /** Crash, time-out, engine error. One crash is one error, however many requests it took. */
  readonly errors: number
  /** Answers that are not what the signature promises: NaN, a wrong shape. */
  readonly invalid: number
  /** Service time inside the engine; of what was not waited for, as long as that ran. */
  readonly latency: Readonly<Partial<Record<Stratum, LatencyCounts>>>
  /** Answers per class of the reference, and last those of all other classes. */
  readonly classes: readonly number[]
}

export interface LatencyCounts {
  readonly requests: number
  /** Requests slower than each edge of the stratum. */
  readonly slower: readonly number[]
}

/**
 * The outcomes of the requests that were dispatched in one interval at one constant weight and
 * got their version by chance or by their sticky key; in a shadow phase, of those that were
 * copied. Its end must not depend on outcomes.
 */
export interface Block {
  /** The trial it belongs to. */
  readonly trial: string
  /** Per cent of the traffic; 0 in a shadow phase. */
  readonly weight: number
  /** Measured with a monotonic clock; pauses between requests count for a minute at the most. */
  readonly durationMs: number
  readonly stable: ArmCounts
  readonly canary: ArmCounts
}

/** Events among requests, summed over blocks: to be shown, never to be tested. */
export interface Tally {
  readonly bad: number
  readonly requests: number
}

/** One comparison: the logarithm of its e-process for each ratio of the grid. */
export interface Comparison {
  readonly logE: readonly number[]
  readonly canary: Tally
  readonly stable: Tally
}

/**
 * All that is kept of a trial's blocks, in a few hundred numbers. Two of them that come from
 * different requests of one trial add up.
 */
export interface Evidence {
  readonly blocks: number
  readonly errors: Comparison
  /** The e-process against "the candidate has `notWorse.riskRatio` times the errors or more". */
  readonly notWorse: Comparison
  readonly invalid: Comparison
  /** One per edge. */
  readonly latency: readonly Comparison[]
  /** Per class of the reference and for all others: the candidate answers it more often… */
  readonly classesMore: readonly Comparison[]
  /** …or less often, with the two versions in each other's place. */
  readonly classesLess: readonly Comparison[]
  /** Engine processes that ended by themselves. */
  readonly crashes: CrashEvidence
}

export interface CrashEvidence {
  readonly logE: number
  readonly canary: number
  readonly stable: number
}

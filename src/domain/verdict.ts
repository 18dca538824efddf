import type { Tally } from './evidence.ts'
import type { Metric, RegressionAction } from './rollout-policy.ts'

export type Outcome = 'pass' | 'fail' | 'inconclusive'

/** What the judge found of one metric, with every number it used. */
export interface MetricVerdict {
  readonly metric: Metric
  readonly outcome: Outcome
  /** Which edge or class speaks loudest, such as `p99` or `class 3 more often`. */
  readonly detail?: string | undefined
  /** Natural logarithm of the evidence that the candidate is worse. */
  readonly logEvidence: number
  /** The evidence, not its logarithm, at which the metric fails. */
  readonly threshold: number
  readonly riskRatio: number
  readonly action: RegressionAction
  readonly canary: Tally
  readonly stable: Tally
}

/** Whether the candidate is shown to be no worse in errors. */
export interface NotWorseVerdict {
  readonly isShown: boolean
  readonly logEvidence: number
  readonly threshold: number
  /** While the candidate has no errors: an upper bound of its error rate, valid at any time. */
  readonly errorRateUpper?: number | undefined
}

export interface Verdict {
  /** `fail` when any metric fails; `pass` when none does and `notWorse` is shown. */
  readonly outcome: Outcome
  readonly metrics: readonly MetricVerdict[]
  readonly notWorse: NotWorseVerdict
  readonly blocks: number
  /** `errors 4.1 % vs 0.4 % after 212 canary requests (evidence 312 > 167)` */
  readonly sentence: string
}

/** What is compared between the candidate and the stable version. */
export const METRICS = ['errors', 'latency', 'invalid', 'classes', 'crashes'] as const

export type Metric = (typeof METRICS)[number]

/** What follows when a candidate is found worse: `observe` says so and goes on. */
export const REGRESSION_ACTIONS = ['rollback', 'pause', 'observe'] as const

export type RegressionAction = (typeof REGRESSION_ACTIONS)[number]

/** One share of the live traffic, and what must be seen there before the next one. */
export interface CanaryStep {
  /** Per cent of the traffic that goes to the candidate: above 0, at most 100. */
  readonly weight: number
  /** Requests that the candidate must have answered at this weight. */
  readonly minRequests: number
  /** Time with traffic that must have passed at this weight. */
  readonly minDurationMs: number
}

/** Copies of live requests go to the candidate and nobody waits for its answers. */
export interface ShadowStep {
  readonly minRequests: number
  readonly minDurationMs: number
  /** Per cent of the requests that are copied. */
  readonly sample: number
  /** Least share of equal best classes, 0 to 1; the rollout pauses below. Absent: any. */
  readonly minAgreement?: number | undefined
}

export interface MetricPolicy {
  readonly enabled: boolean
  /** The relative risk that is tolerated, at least 1: an E-value counts what is beyond. */
  readonly riskRatio: number
  /** Absent: the policy's own `onRegression`. */
  readonly onRegression?: RegressionAction | undefined
}

export interface JudgePolicy {
  /** Chance of any false alarm in a whole rollout of a version that is not worse. */
  readonly alpha: number
  /** Shortest block: counts of one interval at one weight that are compared. */
  readonly blockMs: number
  readonly errors: MetricPolicy
  /** `slowdown`: the factor by which the candidate may be slower than the stable version. */
  readonly latency: MetricPolicy & { readonly slowdown: number }
  readonly invalid: MetricPolicy
  /** `top`: classes followed one by one; the others are followed as one. */
  readonly classes: MetricPolicy & { readonly top: number }
  readonly crashes: { readonly enabled: boolean; readonly onRegression?: RegressionAction }
  readonly notWorse: NotWorsePolicy
}

/** When the candidate counts as shown to be no worse in errors. */
export interface NotWorsePolicy {
  /** It is shown to have less than this many times the stable version's error rate… */
  readonly riskRatio: number
  /** …or, while it has no errors at all, an error rate below this one. */
  readonly errorRate: number
  /** Chance of being wrong about that. */
  readonly beta: number
  /** Steps need no more requests once it is shown; their durations stay. */
  readonly promotesEarly: boolean
}

/** How the traffic moves from one version to the next. */
export interface RolloutPolicy {
  /** `immediate`: a version takes all traffic as soon as it is ready. */
  readonly strategy: 'canary' | 'immediate'
  readonly shadow?: ShadowStep | undefined
  /** In ascending weight. After the last one the candidate takes all. */
  readonly steps: readonly CanaryStep[]
  readonly onRegression: RegressionAction
  /** The request header or cookie whose value decides the track, so that a user stays on one. */
  readonly stickiness?: { readonly header: string } | { readonly cookie: string } | undefined
  readonly judge: JudgePolicy
  /** The version that takes the traffic, whatever else is there. */
  readonly pin?: number | undefined
}

const MINUTE_MS = 60_000

/** Right for a small service: at one request a second a rollout takes about an hour. */
export const DEFAULT_POLICY: RolloutPolicy = {
  strategy: 'canary',
  steps: [
    { weight: 5, minRequests: 100, minDurationMs: MINUTE_MS },
    { weight: 25, minRequests: 200, minDurationMs: 2 * MINUTE_MS },
    { weight: 50, minRequests: 300, minDurationMs: 5 * MINUTE_MS },
  ],
  onRegression: 'rollback',
  judge: {
    alpha: 0.01,
    blockMs: 5_000,
    errors: { enabled: true, riskRatio: 1 },
    latency: { enabled: true, riskRatio: 1, slowdown: 1.5 },
    invalid: { enabled: true, riskRatio: 1 },
    classes: { enabled: true, riskRatio: 1.5, top: 5, onRegression: 'pause' },
    crashes: { enabled: true },
    notWorse: { riskRatio: 2, errorRate: 0.01, beta: 0.05, promotesEarly: false },
  },
}

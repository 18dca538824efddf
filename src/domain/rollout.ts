import type { Evidence, Reference } from './evidence.ts'
import type { Metric } from './rollout-policy.ts'
import type { ShadowSummary } from './shadow-summary.ts'
import type { Verdict } from './verdict.ts'

export const ROLLOUT_SCHEMA = 'cutover/rollout/v1'
/** Digests that a rollout remembers as refused; the oldest is forgotten beyond. */
export const QUARANTINE_MAX = 100

/** A version and the digest of its manifest: two states of one number are two versions. */
export interface VersionRef {
  readonly version: number
  readonly digest: string
}

/**
 * The state of a model's rollout: one document, serialisable as it is. `generation` rises with
 * every change of phase, weight, pin or quarantine; `nonce` is another one in every document.
 */
export interface RolloutState {
  readonly schema: typeof ROLLOUT_SCHEMA
  readonly model: string
  readonly generation: number
  readonly nonce: string
  /** Takes the traffic; null before the first version is ready. */
  readonly stable: VersionRef | null
  readonly phase: Phase
  /** The newest last. Not tried again until `retry`. */
  readonly quarantine: readonly Quarantined[]
  /** A version that an operator pinned; wins over the policy's pin. */
  readonly pin: number | null
  /** What was decided last, and on what grounds. */
  readonly lastDecision: Decision | null
}

export type Phase =
  | { readonly kind: 'stable' }
  /** Waits until the candidate is loaded and warm. */
  | { readonly kind: 'staged'; readonly trial: Trial }
  | { readonly kind: 'shadow'; readonly trial: Trial }
  | CanaryPhase
  | {
      readonly kind: 'paused'
      readonly reason: PauseReason
      /** Who paused it, or what the judge saw. */
      readonly text: string
      /** Regressions that were told of since: `resume` and `promote` accept these and no others. */
      readonly told: readonly Metric[]
      readonly weight: number
      readonly trial: Trial
    }
  /** All traffic goes to the candidate; the stable version is still there. */
  | { readonly kind: 'promoting'; readonly trial: Trial }
  /** All traffic is back on the stable version; the candidate is still there. */
  | { readonly kind: 'rollingBack'; readonly trial: Trial; readonly cause: string }
  | { readonly kind: 'quarantined'; readonly candidate: VersionRef; readonly cause: string }

export interface CanaryPhase {
  readonly kind: 'canary'
  readonly weight: number
  readonly trial: Trial
}

export type PhaseKind = Phase['kind']

/** `command`: a person asked for it; the others are the judge's. */
export type PauseReason = 'command' | 'regression' | 'disagreement'

/** From each phase, the other phases that may follow. */
export const TRANSITIONS = {
  stable: ['staged'],
  staged: ['shadow', 'canary', 'promoting', 'rollingBack', 'stable'],
  shadow: ['canary', 'paused', 'promoting', 'rollingBack', 'staged', 'stable'],
  canary: ['paused', 'promoting', 'rollingBack', 'staged', 'stable'],
  paused: ['shadow', 'canary', 'promoting', 'rollingBack', 'staged', 'stable'],
  promoting: ['stable', 'rollingBack'],
  rollingBack: ['quarantined'],
  quarantined: ['staged', 'stable'],
} as const satisfies Record<PhaseKind, readonly PhaseKind[]>

/** One try to promote one candidate. */
export interface Trial {
  /** Tells its blocks from those of other trials, and keys the hash of sticky users. */
  readonly id: string
  readonly candidate: VersionRef
  /** For people; nothing is decided by it. */
  readonly startedAt: string
  readonly reference: Reference | null
  readonly evidence: Evidence
  /** What was seen at the present weight. */
  readonly progress: Progress
  /** Regressions that were only to be told of, or that a person has accepted by going on. */
  readonly accepted: readonly Metric[]
  readonly shadow: ShadowSummary | null
}

export interface Progress {
  readonly requests: number
  /** Summed over blocks, by a monotonic clock: time that nobody watched does not count. */
  readonly durationMs: number
}

export interface Quarantined extends VersionRef {
  readonly at: string
  readonly cause: string
}

export interface Decision {
  readonly at: string
  readonly phase: PhaseKind
  /** For a person: what was decided and why. */
  readonly text: string
  readonly by: Operator | null
  readonly verdict: Verdict | null
}

/** Who gave a command, and why, in their own words. */
export interface Operator {
  readonly who: string
  readonly reason: string
}

export type Command = { readonly by: Operator } & (
  | { readonly kind: 'promote'; readonly full: boolean }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'abort' }
  | { readonly kind: 'unpin' }
  /** Without a version: the one that was quarantined last. */
  | { readonly kind: 'retry'; readonly version?: number | undefined }
  | { readonly kind: 'pin'; readonly version: number }
)

export type CommandKind = Command['kind']

const ANY_PHASE = Object.keys(TRANSITIONS) as PhaseKind[]

/** The phases in which a command means something. */
export const COMMAND_PHASES = {
  promote: ['shadow', 'canary', 'paused'],
  pause: ['shadow', 'canary'],
  resume: ['paused'],
  abort: ['staged', 'shadow', 'canary', 'paused', 'promoting'],
  retry: ANY_PHASE,
  pin: ANY_PHASE,
  unpin: ANY_PHASE,
} as const satisfies Record<CommandKind, readonly PhaseKind[]>

export type RolloutEventKind =
  | 'rollout.staged'
  | 'rollout.superseded'
  | 'rollout.withdrawn'
  | 'rollout.shadow'
  | 'rollout.step'
  | 'rollout.regression'
  | 'rollout.paused'
  | 'rollout.resumed'
  | 'rollout.promoting'
  | 'rollout.promoted'
  | 'rollout.rollingBack'
  | 'rollout.quarantined'
  | 'rollout.retried'
  | 'rollout.pinned'
  | 'rollout.unpinned'

/** Something a person may want to hear of. */
export interface RolloutEvent {
  readonly kind: RolloutEventKind
  readonly model: string
  readonly version: number | null
  /** `flowers 7 → 8 rolled back at 5 %: errors 4.1 % vs 0.4 % after 212 canary requests (…)` */
  readonly text: string
  readonly at: string
  readonly by: Operator | null
  readonly verdict: Verdict | null
}

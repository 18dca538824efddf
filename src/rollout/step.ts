import type { Block, Reference } from '../domain/evidence.ts'
import type { RolloutPolicy } from '../domain/rollout-policy.ts'
import type {
  Command,
  Operator,
  Phase,
  Quarantined,
  RolloutEvent,
  RolloutEventKind,
  RolloutState,
  VersionRef,
} from '../domain/rollout.ts'
import type { ShadowSummary } from '../domain/shadow-summary.ts'
import type { Verdict } from '../domain/verdict.ts'

export interface VersionInfo {
  readonly version: number
  /** Null while it is not read yet: such a version is waited for, never begun with. */
  readonly digest: string | null
  /** The registry holds it. */
  readonly aspired: boolean
  /** `pending`: there in part, as a version may be that is being copied when a server starts. */
  readonly status: 'pending' | 'loading' | 'ready' | 'rejected'
}

/** All that a step is decided from. */
export interface StepInput {
  readonly policy: RolloutPolicy
  /** What the registry holds, whole or in part, and what is loaded; nothing else is in the list. */
  readonly versions: readonly VersionInfo[]
  /** Blocks that were completed since the last look; those of another trial are ignored. */
  readonly blocks: readonly Block[]
  /** For how long the state has been as it is, by a clock that does not jump. */
  readonly unmovedMs: number
  /** Engine processes that crashed since the last look. */
  readonly crashes: { readonly canary: number; readonly stable: number }
  /** From what the stable version did so far; of it is taken what the trial has not yet. */
  readonly reference?: Reference | undefined
  /** The whole comparison of a shadow phase so far. */
  readonly shadow?: ShadowSummary | undefined
  readonly command?: Command | undefined
  /** For records, never for decisions: clocks jump. */
  readonly now: Date
  /** A fresh unguessable text: the nonce of the document, and the id of a trial that starts. */
  readonly nonce: string
}

export interface StepResult {
  /** The same object when nothing changed, so that nothing need be written. */
  readonly state: RolloutState
  readonly events: readonly RolloutEvent[]
  /** 0: there is more to do at once, after this state is stored. */
  readonly lookAgainAfterMs: number
  /** Why a command was not followed. */
  readonly refusal?: string | undefined
  /** What keeps the rollout from going on and a person should know. */
  readonly problem?: string | undefined
}

/** One transition, before it is put into the document. */
export interface Change {
  readonly event: RolloutEventKind
  /** Absent: the model. */
  readonly version?: number | undefined
  readonly text: string
  readonly phase?: Phase | undefined
  readonly stable?: VersionRef | undefined
  readonly quarantine?: readonly Quarantined[] | undefined
  readonly pin?: number | null | undefined
  readonly verdict?: Verdict | undefined
  readonly by?: Operator | undefined
}

/** What a look found: a change, a reason to wait, or neither. */
export interface Finding {
  readonly change?: Change | undefined
  readonly problem?: string | undefined
}

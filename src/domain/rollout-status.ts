import type { RolloutPolicy } from './rollout-policy.ts'
import type { RolloutState } from './rollout.ts'
import type { Verdict } from './verdict.ts'

/** A model's rollout as its operator sees it. */
export interface RolloutStatus {
  readonly model: string
  readonly state: RolloutState
  readonly policy: RolloutPolicy
  /** Of the evidence so far; null: nothing is compared. */
  readonly verdict: Verdict | null
  /** What keeps it from going on. */
  readonly problem: string | null
}

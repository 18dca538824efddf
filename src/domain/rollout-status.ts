import type { RolloutPolicy } from './rollout-policy.ts'
import type { RolloutState } from './rollout.ts'
import type { Verdict } from './verdict.ts'

/** What one version of a trial has done in the last ten seconds. */
export interface ArmTraffic {
  readonly requestsPerSecond: number
  /** Time inside the engine, of its last thousand answers; null: there were none. */
  readonly serviceP50Ms: number | null
  readonly serviceP99Ms: number | null
}

/** A model's rollout as its operator sees it. */
export interface RolloutStatus {
  readonly model: string
  readonly state: RolloutState
  readonly policy: RolloutPolicy
  /** Of the evidence so far; null: nothing is compared. */
  readonly verdict: Verdict | null
  /** By this server; null: nothing is compared. */
  readonly traffic: { readonly stable: ArmTraffic; readonly canary: ArmTraffic } | null
  /** What keeps it from going on. */
  readonly problem: string | null
}

/** A rollout, and what keeps versions of the model or its policy out of it. */
export interface RolloutReport extends RolloutStatus {
  /** Versions that could not be loaded, for good or so far. */
  readonly failed: readonly { readonly version: number; readonly reason: string }[]
  /** Why what the model's `model.json` says is not in force; null: it is, or there is none. */
  readonly policyProblem: string | null
}

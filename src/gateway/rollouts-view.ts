import type { Command } from '../domain/rollout.ts'
import type { RolloutReport } from '../domain/rollout-status.ts'
import type { Outcome } from '../rollout/block-recorder.ts'
import type { Route } from '../serving/route-table.ts'

/** What the gateway tells rollouts, and asks of them. */
export interface RolloutsView {
  list(): readonly RolloutReport[]
  /** Resolves when it is done. Throws MODEL_NOT_FOUND, ROLLOUT_REFUSED or REGISTRY_UNAVAILABLE. */
  command(model: string, command: Command): Promise<RolloutReport>
  /**
   * Called when a request goes to a version; what it answers is called when the request has ended.
   * Undefined where nothing is compared.
   */
  dispatched(route: Route): ((outcome: Outcome) => void) | undefined
  /** Called when a request is copied; each is called when its version has answered. */
  copied(
    model: string,
    trial: string,
  ):
    | {
        readonly stable: (outcome: Outcome) => void
        readonly canary: (outcome: Outcome) => void
      }
    | undefined
  compared(
    model: string,
    trial: string,
    comparison: {
      readonly stableClass: number
      readonly candidateClass: number
      readonly distance: number
    },
  ): void
}

import { CutoverError } from '../domain/errors.ts'
import type { RolloutPolicy } from '../domain/rollout-policy.ts'
import type { Command, RolloutEvent } from '../domain/rollout.ts'
import type { RolloutStatus } from '../domain/rollout-status.ts'
import type { DocumentStore } from './documents.ts'
import { ModelRollout } from './model-rollout.ts'
import type { Routing } from './routing.ts'
import type { VersionInfo } from './step.ts'

/** What all rollouts of a server need of it. */
export interface RolloutsHost {
  readonly policyOf: (model: string) => RolloutPolicy
  readonly versionsOf: (model: string) => readonly VersionInfo[]
  readonly route: (model: string, routing: Routing) => void
  readonly tell: (event: RolloutEvent) => void
  readonly onProblem: (model: string, problem: string) => void
  readonly store: DocumentStore
  readonly mirror: DocumentStore
}

/** The rollouts of all models. */
export class Rollouts {
  readonly #host: RolloutsHost
  readonly #models = new Map<string, ModelRollout>()

  constructor(host: RolloutsHost) {
    this.#host = host
  }

  /** Begins with a model: resolves once its state is known, or cannot be known now. */
  async open(model: string): Promise<void> {
    if (this.#models.has(model)) return
    const { policyOf, versionsOf, route, tell, onProblem, store, mirror } = this.#host
    const rollout = new ModelRollout(model, {
      policy: () => policyOf(model),
      versions: () => versionsOf(model),
      route: (routing) => route(model, routing),
      tell,
      onProblem: (problem) => onProblem(model, problem),
      store,
      mirror,
    })
    this.#models.set(model, rollout)
    await rollout.open()
  }

  /** Ends with a model that the server knows no version of any more. */
  async forget(model: string): Promise<void> {
    const rollout = this.#models.get(model)
    this.#models.delete(model)
    await rollout?.close()
  }

  get(model: string): ModelRollout | undefined {
    return this.#models.get(model)
  }

  all(): readonly ModelRollout[] {
    return [...this.#models.values()]
  }

  changed(model: string): void {
    this.#models.get(model)?.changed()
  }

  /** An engine process of a version ended by itself. */
  crashed(model: string, digest: string): void {
    this.#models.get(model)?.crashed(digest)
  }

  isQuarantined(model: string, digest: string): boolean {
    return this.#models.get(model)?.isQuarantined(digest) ?? false
  }

  /** Throws MODEL_NOT_FOUND, ROLLOUT_REFUSED or REGISTRY_UNAVAILABLE. */
  async command(model: string, command: Command): Promise<RolloutStatus> {
    const rollout = this.#models.get(model)
    if (rollout === undefined) {
      throw new CutoverError('MODEL_NOT_FOUND', `there is no model ${model}`)
    }
    await rollout.command(command)
    return rollout.status
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((rollout) => rollout.close()))
  }
}

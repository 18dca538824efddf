import type { RolloutPolicy } from '../domain/rollout-policy.ts'
import type { RolloutState, VersionRef } from '../domain/rollout.ts'
import { trialOf, weightOf } from './trial.ts'

/** What a rollout wants of the server, in any of its phases. */
export interface Routing {
  readonly stable: VersionRef | null
  /** `weight` per cent of the traffic goes to the candidate. */
  readonly canary: Traffic | null
  /** `weight` per cent of the requests are copied to the candidate. */
  readonly shadow: Traffic | null
  /** Stays loaded, or is to be loaded, whatever the registry says. */
  readonly keep: readonly VersionRef[]
}

interface Traffic extends VersionRef {
  readonly trial: string
  readonly weight: number
}

/** The routes of a state, and of it alone, so that every server that reads it routes alike. */
export function routingOf({ stable, phase }: RolloutState, policy: RolloutPolicy): Routing {
  const trial = trialOf(phase)
  const weight = weightOf(phase)
  const traffic = (weight: number) =>
    trial === undefined ? null : { ...trial.candidate, trial: trial.id, weight }
  const isShadow = phase.kind === 'shadow' || (phase.kind === 'paused' && weight === 0)
  return {
    stable,
    canary: weight > 0 ? traffic(weight) : null,
    shadow: isShadow && policy.shadow !== undefined ? traffic(policy.shadow.sample) : null,
    keep: [stable, trial?.candidate].flatMap((ref) =>
      ref === null || ref === undefined ? [] : [ref],
    ),
  }
}

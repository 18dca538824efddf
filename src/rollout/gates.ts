import type { CanaryStep, RolloutPolicy } from '../domain/rollout-policy.ts'
import type { Phase, Progress, RolloutState, Trial } from '../domain/rollout.ts'
import type { Verdict } from '../domain/verdict.ts'
import { isInDoubt } from './judge/verdict.ts'
import { agreementOf } from './shadow-summary.ts'
import { isReady } from './target.ts'
import type { Change, Finding, StepInput } from './step.ts'
import { nameOf } from './texts.ts'
import { atNewWeight, trialOf } from './trial.ts'

/** The next phase, if the present one has seen enough and nothing speaks against it. */
export function gate(
  state: RolloutState,
  verdict: Verdict,
  input: StepInput,
  isPinned: boolean,
): Finding {
  const { phase } = state
  const { policy, versions } = input
  const trial = trialOf(phase)
  if (trial === undefined || !isReady(versions, trial.candidate)) return {}
  if (isPinned) return { change: promote(state, trial, 'pinned') }
  if (phase.kind !== 'staged' && phase.kind !== 'shadow' && phase.kind !== 'canary') return {}
  const name = nameOf(state, trial.candidate)
  if (phase.kind === 'staged') {
    if (policy.strategy === 'immediate') return { change: promote(state, trial, 'immediately') }
    if (!isReady(versions, state.stable)) return {}
    return {
      change: policy.shadow === undefined ? advance(state, trial, 0, input) : shadow(state, trial),
    }
  }
  const doubtful = verdict.metrics.find(
    (metric) =>
      isInDoubt(metric) && metric.action !== 'observe' && !trial.accepted.includes(metric.metric),
  )
  if (doubtful !== undefined) {
    return { problem: `${name} waits: the evidence on ${doubtful.metric} is in doubt` }
  }
  if (phase.kind === 'shadow') return shadowGate(state, trial, input)
  const step = stepAt(policy, phase.weight)
  if (!isSeenEnough(trial.progress, step, isEarly(verdict, policy))) return {}
  return { change: { ...advance(state, trial, phase.weight, input), verdict } }
}

/** The first step above a weight, or the promotion after the last. */
export function advance(
  state: RolloutState,
  trial: Trial,
  weight: number,
  { policy }: StepInput,
): Change {
  const next = policy.steps.find((step) => step.weight > weight)
  if (next === undefined) return promote(state, trial, `after ${weight} %`)
  const phase: Phase = { kind: 'canary', weight: next.weight, trial: atNewWeight(trial) }
  const text = `${nameOf(state, trial.candidate)} gets ${next.weight} % of the traffic`
  return { event: 'rollout.step', version: trial.candidate.version, text, phase }
}

export function promote(state: RolloutState, trial: Trial, why: string): Change {
  return {
    event: 'rollout.promoting',
    version: trial.candidate.version,
    text: `${nameOf(state, trial.candidate)} takes the traffic (${why})`,
    phase: { kind: 'promoting', trial: atNewWeight(trial) },
  }
}

function shadow(state: RolloutState, trial: Trial): Change {
  return {
    event: 'rollout.shadow',
    version: trial.candidate.version,
    text: `${nameOf(state, trial.candidate)} gets copies of requests`,
    phase: { kind: 'shadow', trial },
  }
}

function shadowGate(state: RolloutState, trial: Trial, input: StepInput): Finding {
  const step = input.policy.shadow
  const name = nameOf(state, trial.candidate)
  if (step !== undefined && trial.progress.requests === 0) {
    return { problem: `${name} waits: no request was copied yet (images are, tensors are not)` }
  }
  if (step !== undefined && !isSeenEnough(trial.progress, step, false)) return {}
  const { minAgreement } = step ?? {}
  const agreement = trial.shadow === null ? undefined : agreementOf(trial.shadow)
  if (minAgreement !== undefined && agreement === undefined) {
    return { problem: `${name} waits: no outputs were compared yet` }
  }
  if (minAgreement !== undefined && agreement !== undefined && agreement < minAgreement) {
    const text =
      `${name} paused: the best class of copied requests is the same ` +
      `in ${(100 * agreement).toFixed(1)} %, less than ${100 * minAgreement} %`
    const phase = {
      kind: 'paused',
      reason: 'disagreement',
      text,
      told: [],
      weight: 0,
      trial,
    } as const
    return { change: { event: 'rollout.paused', version: trial.candidate.version, text, phase } }
  }
  return { change: advance(state, trial, 0, input) }
}

/** What a weight asks for; after an edit of the policy, what the next higher step does. */
function stepAt({ steps }: RolloutPolicy, weight: number): CanaryStep | undefined {
  return steps.find((step) => step.weight >= weight) ?? steps.at(-1)
}

function isSeenEnough(
  { requests, durationMs }: Progress,
  step: Pick<CanaryStep, 'minRequests' | 'minDurationMs'> | undefined,
  isEarly: boolean,
): boolean {
  if (step === undefined) return true
  // Without a single request nothing is known.
  const requestsMin = Math.max(1, step.minRequests)
  return (isEarly || requests >= requestsMin) && durationMs >= step.minDurationMs
}

function isEarly({ notWorse }: Verdict, { judge }: RolloutPolicy): boolean {
  return judge.notWorse.promotesEarly && notWorse.isShown
}

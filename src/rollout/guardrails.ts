import type { RolloutState, Trial } from '../domain/rollout.ts'
import type { MetricVerdict, Verdict } from '../domain/verdict.ts'
import { sentenceOfMetric } from './judge/sentence.ts'
import { isReady, whyNoWayBack } from './target.ts'
import type { Change, Finding, StepInput } from './step.ts'
import { nameOf } from './texts.ts'
import { weightOf } from './trial.ts'

/**
 * What must happen because the candidate is worse, in every phase in which it gets traffic,
 * pauses included. A regression that was told of or accepted by a person is not raised again; one
 * that nobody was told of pauses also what a person has paused, so that they hear of it first.
 */
export function guard(
  state: RolloutState,
  trial: Trial,
  verdict: Verdict,
  input: StepInput,
): Finding {
  const failures = verdict.metrics.filter(
    ({ outcome, metric }) => outcome === 'fail' && !trial.accepted.includes(metric),
  )
  const of = (action: MetricVerdict['action']) => failures.filter((each) => each.action === action)
  const weight = weightOf(state.phase)
  const name = nameOf(state, trial.candidate)
  const version = trial.candidate.version
  const told = (seen: readonly MetricVerdict[]) => seen.map(sentenceOfMetric).join('; ')

  const fatal = of('rollback')
  if (fatal.length > 0) {
    if (!isReady(input.versions, state.stable)) {
      return { problem: `${name} is worse, but ${whyNoWayBack(state, input.versions)}` }
    }
    return { change: rollBack(state, trial, told(fatal), { verdict }) }
  }
  const before = state.phase.kind === 'paused' ? state.phase.told : []
  const pausing = of('pause').filter(({ metric }) => !before.includes(metric))
  if (pausing.length > 0) {
    const seen = [...before, ...pausing.map(({ metric }) => metric)]
    const text = `${name} paused at ${weight} %: ${told(pausing)}`
    const phase = { kind: 'paused', reason: 'regression', text, told: seen, weight, trial } as const
    return { change: { event: 'rollout.paused', version, text, phase, verdict } }
  }
  const observed = of('observe')
  if (observed.length > 0 && 'trial' in state.phase) {
    const accepted = [...trial.accepted, ...observed.map(({ metric }) => metric)]
    const phase = { ...state.phase, trial: { ...trial, accepted } }
    const text = `${name} is worse at ${weight} %, only observed: ${told(observed)}`
    return { change: { event: 'rollout.regression', version, text, phase, verdict } }
  }
  return {}
}

/** All traffic back to the stable version; the candidate goes to quarantine next. */
export function rollBack(
  state: RolloutState,
  trial: Trial,
  cause: string,
  more: Pick<Change, 'verdict' | 'by'>,
): Change {
  return {
    event: 'rollout.rollingBack',
    version: trial.candidate.version,
    text: `${nameOf(state, trial.candidate)} rolled back at ${weightOf(state.phase)} %: ${cause}`,
    phase: { kind: 'rollingBack', trial, cause },
    ...more,
  }
}

import {
  type Command,
  COMMAND_PHASES,
  type Phase,
  type PhaseKind,
  type RolloutState,
  type Trial,
} from '../domain/rollout.ts'
import { advance, promote } from './gates.ts'
import { rollBack } from './guardrails.ts'
import { isQuarantined, isReady, numbersOf, pinnable, whyNoWayBack } from './target.ts'
import type { Change, StepInput } from './step.ts'
import { byOf, nameOf } from './texts.ts'
import { atNewWeight, trialOf, verdictOf, weightOf } from './trial.ts'

/** What a command changes, or the sentence that says why it is not followed. */
export function followCommand(
  state: RolloutState,
  command: Command,
  input: StepInput,
): Change | string {
  const { phase } = state
  const allowed: readonly PhaseKind[] = COMMAND_PHASES[command.kind]
  if (!allowed.includes(phase.kind)) {
    return `${command.kind} means nothing while the rollout of ${state.model} is ${phase.kind}; it can be given while it is ${allowed.join(', ')}`
  }
  switch (command.kind) {
    case 'retry':
      return retry(state, command)
    case 'pin':
      return pin(state, command, input)
    case 'unpin':
      return unpin(state, command, input)
    case 'promote':
    case 'pause':
    case 'resume':
    case 'abort': {
      const trial = trialOf(phase)
      if (trial === undefined) return `${state.model} has no candidate`
      const change = steer(state, trial, command, input)
      return typeof change === 'string' ? change : { ...change, by: command.by }
    }
  }
}

type Steering = Extract<Command, { kind: 'promote' | 'pause' | 'resume' | 'abort' }>

function steer(
  state: RolloutState,
  trial: Trial,
  command: Steering,
  input: StepInput,
): Change | string {
  const { phase } = state
  const { version } = trial.candidate
  const name = nameOf(state, trial.candidate)
  const weight = weightOf(phase)
  const by = byOf(command.by)
  switch (command.kind) {
    case 'abort':
      return isReady(input.versions, state.stable)
        ? rollBack(state, trial, `aborted${by}`, {})
        : `${name} cannot be aborted: ${whyNoWayBack(state, input.versions)}`
    case 'pause': {
      const text = `${name} paused at ${weight} %${by}`
      const paused = { kind: 'paused', reason: 'command', text, told: [], weight, trial } as const
      return { event: 'rollout.paused', version, text, phase: paused }
    }
    case 'resume': {
      const text = `${name} resumed at ${weight} %${by}`
      const going = accepting(phase, trial)
      if (weight > 0) {
        return {
          event: 'rollout.resumed',
          version,
          text,
          phase: { kind: 'canary', weight, trial: going },
        }
      }
      if (phase.kind === 'paused' && phase.reason === 'disagreement') {
        return advance(state, going, 0, input)
      }
      return { event: 'rollout.resumed', version, text, phase: { kind: 'shadow', trial: going } }
    }
    case 'promote': {
      if (!isReady(input.versions, trial.candidate)) return `${name} is not ready`
      const going = atNewWeight(accepting(phase, trial))
      const change = command.full
        ? promote(state, going, `${weight} %`)
        : advance(state, going, weight, input)
      return { ...change, text: `${change.text}${by}`, verdict: verdictOf(trial, input.policy) }
    }
  }
}

/** A person who goes on in spite of a regression that they were told of has accepted it. */
function accepting(phase: Phase, trial: Trial): Trial {
  if (phase.kind !== 'paused') return trial
  return { ...trial, accepted: [...new Set([...trial.accepted, ...phase.told])] }
}

function retry(
  state: RolloutState,
  { version, by }: Extract<Command, { kind: 'retry' }>,
): Change | string {
  const wanted = version ?? state.quarantine.at(-1)?.version
  const quarantine = state.quarantine.filter((each) => each.version !== wanted)
  if (wanted === undefined || quarantine.length === state.quarantine.length) {
    const there = state.quarantine.map((each) => each.version).join(', ')
    const what = wanted === undefined ? 'no version' : `version ${wanted}`
    return `${what} of ${state.model} ${wanted === undefined ? 'is' : 'is not'} in quarantine${there && `; in quarantine: ${there}`}`
  }
  const isResting = state.phase.kind === 'quarantined'
  return {
    event: 'rollout.retried',
    version: wanted,
    text: `${state.model} ${wanted} may be tried again${byOf(by)}`,
    quarantine,
    phase: isResting ? { kind: 'stable' } : undefined,
    by,
  }
}

function pin(
  state: RolloutState,
  { version, by }: Extract<Command, { kind: 'pin' }>,
  { versions }: StepInput,
): Change | string {
  const known = pinnable(state, versions)
  const there = known.filter((each) => each.version === version)
  if (there.length === 0) {
    return `there is no version ${version} of ${state.model}; there is ${numbersOf(known) || 'none'}`
  }
  if (
    there.every(({ digest }) => isQuarantined(state, digest) && digest !== state.stable?.digest)
  ) {
    return `version ${version} of ${state.model} is in quarantine: retry it first`
  }
  const text = `${state.model} pinned to ${version}${byOf(by)}`
  return { event: 'rollout.pinned', version, text, pin: version, by }
}

function unpin(
  state: RolloutState,
  { by }: Extract<Command, { kind: 'unpin' }>,
  { policy }: StepInput,
): Change | string {
  if (state.pin === null) {
    return policy.pin === undefined
      ? `${state.model} is not pinned`
      : `${state.model} is pinned to ${policy.pin} by its model.json: change it there`
  }
  const text = `${state.model} is not pinned any more${byOf(by)}`
  return { event: 'rollout.unpinned', text, pin: null, by }
}

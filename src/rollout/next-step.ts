import { CutoverError } from '../domain/errors.ts'
import {
  type Decision,
  type PhaseKind,
  QUARANTINE_MAX,
  type Quarantined,
  ROLLOUT_SCHEMA,
  type RolloutEvent,
  type RolloutState,
  TRANSITIONS,
  type Trial,
  type VersionRef,
} from '../domain/rollout.ts'
import { followCommand } from './commands.ts'
import { gate, promote } from './gates.ts'
import { guard, rollBack } from './guardrails.ts'
import { infoOf, isReady, isStableLost, substituteOf, type Target, targetOf } from './target.ts'
import type { Change, Finding, StepInput, StepResult, VersionInfo } from './step.ts'
import { nameOf } from './texts.ts'
import { newTrial, verdictOf, withObservations } from './trial.ts'

/** While there is no candidate, only news from outside changes anything. */
const IDLE_LOOK_MS = 60_000
/** So long a server that has lost the stable version leaves it to others to begin a comparison. */
const OTHERS_BEGIN_MS = 300_000

/** A model that nothing was ever served of. */
export function initialRollout(model: string, nonce: string): RolloutState {
  return {
    schema: ROLLOUT_SCHEMA,
    model,
    generation: 0,
    nonce,
    stable: null,
    phase: { kind: 'stable' },
    quarantine: [],
    pin: null,
    lastDecision: null,
  }
}

/**
 * One step of a rollout: pure, so the same state and input give the same answer. At most one
 * transition; while there are more, `lookAgainAfterMs` is 0. The state is stored before anything
 * is done about it, so whoever finds it after a crash goes on from there.
 *
 * Guarantees: a candidate gets more traffic only after the requests and the watched time that its
 * step asks for, with no evidence against it; no data changes nothing; evidence is forgotten with
 * its candidate alone; a digest in quarantine is never tried before `retry`; the stable version is
 * replaced, or gone back to, only if the other one is ready.
 */
export function nextStep(before: RolloutState, input: StepInput): StepResult {
  const state = withObservations(before, input)
  if (input.command !== undefined) {
    const answer = followCommand(state, input.command, input)
    if (typeof answer !== 'string') return changed(state, answer, input)
    return { ...unchanged(state, input), refusal: answer }
  }
  const { change, problem } = look(state, input)
  if (change !== undefined) return { ...changed(state, change, input), problem }
  return { ...unchanged(state, input), problem }
}

function look(state: RolloutState, input: StepInput): Finding {
  const { phase } = state
  const target = targetOf(state, input)
  switch (phase.kind) {
    case 'stable':
    case 'quarantined': {
      if (target.version === undefined) return { problem: target.problem }
      return { change: stage(state, target.version, input, 'rollout.staged') }
    }
    case 'staged':
    case 'shadow':
    case 'canary':
    case 'paused':
      return lookAtTrial(state, phase.trial, target, input)
    case 'promoting':
      return { change: finishPromotion(state, phase.trial, input) }
    case 'rollingBack': {
      const { trial, cause } = phase
      const { candidate } = trial
      return {
        change: {
          event: 'rollout.quarantined',
          version: candidate.version,
          text: `${state.model} ${candidate.version} is in quarantine: ${cause}`,
          phase: { kind: 'quarantined', candidate, cause },
          quarantine: quarantineWith(state, candidate, cause, input),
        },
      }
    }
  }
}

/** First that something serves, then what the judge says, then the registry, then whether it is time. */
function lookAtTrial(state: RolloutState, trial: Trial, target: Target, input: StepInput): Finding {
  const { candidate } = trial
  if (state.stable === null && isReady(input.versions, candidate)) {
    return { change: promote(state, trial, 'the first version') }
  }
  // Whoever has the stable version compares the candidate with it: nobody does if none begins.
  const isLeft = state.phase.kind === 'staged' && input.unmovedMs >= OTHERS_BEGIN_MS
  if (isLeft && substituteOf(state, input.versions) !== undefined) {
    return { change: promote(state, trial, 'nothing else can serve') }
  }
  const verdict = verdictOf(trial, input.policy)
  const found = state.phase.kind === 'staged' ? {} : guard(state, trial, verdict, input)
  if (found.change !== undefined) return found

  const other = target.version?.digest === candidate.digest ? undefined : target.version
  // An older one replaces a candidate only by a pin: its digest may just not be read yet.
  if (other !== undefined && (target.isPinned || other.version >= candidate.version)) {
    return { change: stage(state, other, input, 'rollout.superseded') }
  }
  const isUnwanted = target.isPinned && target.version === undefined && target.problem === undefined
  if (isUnwanted) return { change: withdraw(state, trial, 'another version is pinned') }
  const info = infoOf(input.versions, candidate)
  if (info === undefined || (!info.aspired && info.status !== 'pending')) {
    return { change: withdraw(state, trial, 'it left the registry') }
  }
  if (info.status === 'rejected') {
    const isMissed = other !== undefined && !isReady(input.versions, state.stable)
    // Its files could not be read or verified here: that says nothing of the candidate.
    if (info.digest === null && !isMissed) {
      return { problem: `${nameOf(state, candidate)} waits: its files cannot be read here` }
    }
    return { change: withdrawUnloadable(state, trial, info, input) }
  }
  const problem = found.problem ?? target.problem
  if (problem !== undefined) return { problem }
  return {
    problem: problemOfSubstitute(state, input.versions),
    ...gate(state, verdict, input, target.isPinned),
  }
}

function stage(
  state: RolloutState,
  { version, digest }: NonNullable<Target['version']>,
  input: StepInput,
  event: 'rollout.staged' | 'rollout.superseded',
): Change {
  const candidate = { version, digest }
  const name = nameOf(state, candidate)
  const text = event === 'rollout.staged' ? `${name} begins` : `${name} replaces the candidate`
  return { event, version, text, phase: { kind: 'staged', trial: newTrial(candidate, input) } }
}

function withdraw(state: RolloutState, { candidate }: Trial, why: string): Change {
  return {
    event: 'rollout.withdrawn',
    version: candidate.version,
    text: `${nameOf(state, candidate)} ended: ${why}`,
    phase: { kind: 'stable' },
  }
}

/**
 * What one server cannot load is rolled out on none: it goes into quarantine, or a server that can
 * load it would begin with it again at once. The first version of a model does not: whoever can
 * load it may serve it.
 */
function withdrawUnloadable(
  state: RolloutState,
  trial: Trial,
  { digest }: VersionInfo,
  input: StepInput,
): Change {
  const why = 'it cannot be loaded'
  if (state.stable === null || digest === null) return withdraw(state, trial, why)
  return {
    ...withdraw(state, trial, `${why}, and is in quarantine`),
    quarantine: quarantineWith(state, trial.candidate, why, input),
  }
}

/** Others judge the candidate; where nobody is left to, a person has to say what comes of it. */
function problemOfSubstitute(
  state: RolloutState,
  versions: readonly VersionInfo[],
): string | undefined {
  const substitute = substituteOf(state, versions)
  if (substitute === undefined) return undefined
  const isCompared = state.phase.kind !== 'staged'
  return (
    `version ${state.stable?.version} cannot be served here: ${substitute.version} takes the ` +
    `traffic of this server, unjudged${isCompared ? ', until it is judged or promoted' : ''}`
  )
}

function quarantineWith(
  { quarantine }: RolloutState,
  candidate: VersionRef,
  cause: string,
  { now }: StepInput,
): readonly Quarantined[] {
  const others = quarantine.filter(({ digest }) => digest !== candidate.digest)
  return [...others, { ...candidate, at: now.toISOString(), cause }].slice(-QUARANTINE_MAX)
}

function finishPromotion(
  state: RolloutState,
  trial: Trial,
  { versions }: StepInput,
): Change | undefined {
  const { candidate } = trial
  if (isReady(versions, candidate)) {
    return {
      event: 'rollout.promoted',
      version: candidate.version,
      text: `${nameOf(state, candidate)} promoted`,
      phase: { kind: 'stable' },
      stable: candidate,
    }
  }
  const info = infoOf(versions, candidate)
  if (info !== undefined && info.status !== 'rejected') return undefined
  // With neither left, whatever else there is can serve.
  if (isStableLost(state, versions)) return withdraw(state, trial, 'it cannot be served any more')
  return rollBack(state, trial, 'it cannot be served any more', {})
}

function unchanged(state: RolloutState, { policy }: StepInput): StepResult {
  const isWatched = 'trial' in state.phase
  return { state, events: [], lookAgainAfterMs: isWatched ? policy.judge.blockMs : IDLE_LOOK_MS }
}

function changed(state: RolloutState, change: Change, { now, nonce }: StepInput): StepResult {
  const phase = change.phase ?? state.phase
  const allowed: readonly PhaseKind[] = TRANSITIONS[state.phase.kind]
  if (
    change.phase !== undefined &&
    phase.kind !== state.phase.kind &&
    !allowed.includes(phase.kind)
  ) {
    throw new CutoverError(
      'INTERNAL',
      `the rollout of ${state.model} went from ${state.phase.kind} to ${phase.kind}`,
    )
  }
  const at = now.toISOString()
  const { event: kind, text, version = null, verdict = null, by = null } = change
  const lastDecision: Decision = { at, phase: phase.kind, text, by, verdict }
  const event: RolloutEvent = { kind, model: state.model, version, text, at, by, verdict }
  return {
    state: {
      ...state,
      generation: state.generation + 1,
      nonce,
      stable: change.stable ?? state.stable,
      phase,
      quarantine: change.quarantine ?? state.quarantine,
      pin: change.pin === undefined ? state.pin : change.pin,
      lastDecision,
    },
    events: [event],
    lookAgainAfterMs: 0,
  }
}

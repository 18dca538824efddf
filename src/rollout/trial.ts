import type { RolloutPolicy } from '../domain/rollout-policy.ts'
import type { Phase, RolloutState, Trial, VersionRef } from '../domain/rollout.ts'
import type { Verdict } from '../domain/verdict.ts'
import { NO_EVIDENCE, withBlock, withCrashes, withReference } from './judge/evidence.ts'
import { judge } from './judge/verdict.ts'
import type { StepInput } from './step.ts'

/** A block counts for as much time as this at the most: a clock that leapt promotes nothing. */
const BLOCK_DURATION_MS_MAX = 3_600_000

const NO_PROGRESS = { requests: 0, durationMs: 0 }

/** The weight that stands for a shadow phase: as many copies as originals. */
const SHADOW_CRASH_WEIGHT = 50

export function newTrial(
  candidate: VersionRef,
  { nonce, now }: Pick<StepInput, 'nonce' | 'now'>,
): Trial {
  return {
    id: nonce,
    candidate,
    startedAt: now.toISOString(),
    reference: null,
    evidence: NO_EVIDENCE,
    progress: NO_PROGRESS,
    accepted: [],
    shadow: null,
  }
}

/** Another weight: what was seen there starts anew, the evidence never does. */
export function atNewWeight(trial: Trial): Trial {
  return { ...trial, progress: NO_PROGRESS }
}

/** The candidate's trial in the phases that have one. */
export function trialOf(phase: Phase): Trial | undefined {
  return 'trial' in phase ? phase.trial : undefined
}

/** Per cent of the traffic that goes to the candidate in a phase. */
export function weightOf(phase: Phase): number {
  switch (phase.kind) {
    case 'canary':
    case 'paused':
      return phase.weight
    case 'promoting':
      return 100
    case 'stable':
    case 'staged':
    case 'shadow':
    case 'rollingBack':
    case 'quarantined':
      return 0
  }
}

/** The state with what was observed since the last look; the same object when that is nothing. */
export function withObservations(state: RolloutState, input: StepInput): RolloutState {
  const { phase } = state
  if (phase.kind !== 'shadow' && phase.kind !== 'canary' && phase.kind !== 'paused') return state
  const trial = observed(phase.trial, weightOf(phase), input)
  return trial === phase.trial
    ? state
    : { ...state, nonce: input.nonce, phase: { ...phase, trial } }
}

function observed(trial: Trial, weight: number, input: StepInput): Trial {
  const { policy, crashes, reference, shadow } = input
  const blocks = input.blocks.filter((block) => block.trial === trial.id)
  let { evidence, progress } = trial
  for (const block of blocks) {
    evidence = withBlock(evidence, block, policy.judge)
    // Time in which the candidate had nothing to do shows nothing of it.
    if (block.weight !== weight || block.canary.requests === 0) continue
    progress = {
      requests: progress.requests + block.canary.requests,
      durationMs:
        progress.durationMs + Math.min(BLOCK_DURATION_MS_MAX, Math.max(0, block.durationMs)),
    }
  }
  if (crashes.canary + crashes.stable > 0) {
    evidence = withCrashes(evidence, crashes, weight === 0 ? SHADOW_CRASH_WEIGHT : weight)
  }
  const known = withReference(trial.reference, reference)
  const isNew =
    evidence !== trial.evidence ||
    known !== trial.reference ||
    (shadow !== undefined && shadow !== trial.shadow)
  if (!isNew) return trial
  return {
    ...trial,
    evidence,
    progress,
    reference: known,
    shadow: shadow ?? trial.shadow,
  }
}

export function verdictOf(trial: Trial, policy: RolloutPolicy): Verdict {
  return judge(trial.evidence, policy, trial.reference ?? undefined)
}

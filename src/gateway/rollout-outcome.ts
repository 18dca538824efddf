import { CutoverError, type ErrorCode } from '../domain/errors.ts'
import type { Outcome } from '../rollout/block-recorder.ts'
import {
  DeadlineInEngine,
  GivenUpInEngine,
  LeftToStandIn,
  type PoolResult,
} from '../serving/servable.ts'

/** Failures of the version, not of the client or of a queue. */
const OWN_FAILURES: ReadonlySet<ErrorCode> = new Set([
  'ENGINE_CRASHED',
  'ENGINE_TIMEOUT',
  'ENGINE_FAILED',
  'OUTPUT_INVALID',
])

/** What a version says to a request that its signature does not take; another one's might. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'TENSOR_INVALID',
  'REQUEST_INVALID',
  'IMAGE_NOT_ACCEPTED',
])

export function isRefusal(error: unknown): boolean {
  return error instanceof CutoverError && REFUSALS.has(error.code)
}

export function isOwnFailure(error: unknown): error is CutoverError {
  return error instanceof CutoverError && OWN_FAILURES.has(error.code)
}

/**
 * Tells what a failure says of the version that had the request: where a client did not wait for an
 * engine to end, what that made of it, once it is known.
 */
export function tellFailure(error: unknown, tell: (outcome: Outcome) => void): void {
  if (error instanceof GivenUpInEngine) {
    error.onEnd((end) => tell(end instanceof CutoverError ? outcomeOf(end) : outcomeOfAnswer(end)))
  } else tell(outcomeOf(error))
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof DeadlineInEngine) {
    const { place, ranMs } = error
    return { kind: 'failed', ran: { place, serviceMs: ranMs } }
  }
  const isVictim = error instanceof LeftToStandIn && !error.isBlamed
  if (isVictim || !isOwnFailure(error)) return { kind: 'excused' }
  return { kind: error.code === 'OUTPUT_INVALID' ? 'invalid' : 'failed' }
}

/** What an answer says of it. */
export function outcomeOfAnswer({ result, place }: PoolResult): Outcome {
  const { preprocessMs, inferenceMs } = result.timings
  const classIndex = result.kind === 'classes' ? result.classes[0]?.index : undefined
  return { kind: 'answered', serviceMs: preprocessMs + inferenceMs, place, classIndex }
}

/**
 * What it says of a canary that it refused a request. `error`: what the stable version, asked then,
 * failed at; undefined: it answered.
 */
export function outcomeOfRefusal(error?: unknown): Outcome {
  // What both refuse is the client's fault.
  return { kind: isRefusal(error) ? 'excused' : 'failed' }
}

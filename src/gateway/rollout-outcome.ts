import { CutoverError, type ErrorCode } from '../domain/errors.ts'
import type { Outcome } from '../rollout/block-recorder.ts'
import { DeadlineInEngine, type PoolResult } from '../serving/servable.ts'

/** Failures of the version, not of the client or of a queue. */
const OWN_FAILURES: ReadonlySet<ErrorCode> = new Set([
  'ENGINE_CRASHED',
  'ENGINE_TIMEOUT',
  'ENGINE_FAILED',
  'OUTPUT_INVALID',
])

export function isOwnFailure(error: unknown): error is CutoverError {
  return error instanceof CutoverError && OWN_FAILURES.has(error.code)
}

/** What a failure says of the version that had the request. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof DeadlineInEngine) return { kind: 'failed' }
  if (!isOwnFailure(error)) return { kind: 'excused' }
  return { kind: error.code === 'OUTPUT_INVALID' ? 'invalid' : 'failed' }
}

/** What an answer says of it. */
export function outcomeOfAnswer({ result, stratum }: PoolResult): Outcome {
  const { preprocessMs, inferenceMs } = result.timings
  const classIndex = result.kind === 'classes' ? result.classes[0]?.index : undefined
  return { kind: 'answered', serviceMs: preprocessMs + inferenceMs, stratum, classIndex }
}

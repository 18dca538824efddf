import type { ErrorCode } from '../domain/errors.ts'
import { publicErrorOf, shortened } from './public-error.ts'

/** The only place that knows HTTP statuses. */
const STATUS: Record<ErrorCode, number> = {
  REQUEST_INVALID: 400,
  REQUEST_TIMEOUT: 408,
  REQUEST_ABORTED: 499,
  BODY_TOO_LARGE: 413,
  CONTENT_TYPE_UNSUPPORTED: 415,
  ROUTE_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  UNAUTHORIZED: 401,
  IMAGE_MISSING: 400,
  IMAGE_EMPTY: 400,
  IMAGE_UNDECODABLE: 400,
  IMAGE_FORMAT_UNSUPPORTED: 415,
  IMAGE_TOO_MANY_PIXELS: 413,
  IMAGE_NOT_ACCEPTED: 400,
  TENSOR_INVALID: 400,
  MODEL_NOT_FOUND: 404,
  VERSION_NOT_FOUND: 404,
  LABEL_NOT_FOUND: 400,
  MODEL_AMBIGUOUS: 400,
  MODEL_NOT_READY: 503,
  MODEL_CONTROL_REFUSED: 503,
  REGION_NOT_FOUND: 404,
  QUEUE_FULL: 429,
  DEADLINE_EXCEEDED: 504,
  DRAINING: 503,
  ENGINE_CRASHED: 500,
  ENGINE_TIMEOUT: 504,
  ENGINE_FAILED: 500,
  OUTPUT_INVALID: 500,
  MANIFEST_INVALID: 500,
  VERSION_CORRUPT: 500,
  VERSION_INCOMPLETE: 500,
  FORMAT_UNSUPPORTED: 500,
  MODEL_UNLOADABLE: 500,
  QUARANTINED: 409,
  ROLLOUT_REFUSED: 409,
  VERSION_EXISTS: 409,
  CONFIG_INVALID: 500,
  REGISTRY_UNAVAILABLE: 503,
  DISK_FULL: 507,
  INTERNAL: 500,
}

/** What a client waits before it tries again, in seconds. */
const RETRY_AFTER_SECONDS: Partial<Record<ErrorCode, number>> = {
  QUEUE_FULL: 1,
  MODEL_NOT_READY: 1,
  DRAINING: 1,
}

const SENTENCE_LENGTH_MAX = 2_000

export interface HttpError {
  readonly status: number
  readonly code: ErrorCode
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The one shape of errors: `{"error": "sentence", "code": "IMAGE_UNDECODABLE"}`. */
export function httpErrorOf(thrown: unknown): HttpError {
  const error = publicErrorOf(thrown)
  const retryAfter = RETRY_AFTER_SECONDS[error.code]
  return {
    status: STATUS[error.code],
    code: error.code,
    headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) },
    body: JSON.stringify({
      error: shortened(error.message, SENTENCE_LENGTH_MAX),
      code: error.code,
    }),
  }
}

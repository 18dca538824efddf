/**
 * Every failure cutover reports has one of these codes. A code says what happened; which HTTP
 * status it becomes is the gateway's business alone.
 */
export const ERROR_CODES = [
  // What a client sent.
  'REQUEST_INVALID',
  'REQUEST_TIMEOUT',
  'REQUEST_ABORTED',
  'BODY_TOO_LARGE',
  'CONTENT_TYPE_UNSUPPORTED',
  'ROUTE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'UNAUTHORIZED',
  'IMAGE_MISSING',
  'IMAGE_EMPTY',
  'IMAGE_UNDECODABLE',
  'IMAGE_FORMAT_UNSUPPORTED',
  'IMAGE_TOO_MANY_PIXELS',
  'IMAGE_NOT_ACCEPTED',
  'TENSOR_INVALID',
  // What the server holds.
  'MODEL_NOT_FOUND',
  'VERSION_NOT_FOUND',
  'LABEL_NOT_FOUND',
  'MODEL_AMBIGUOUS',
  'MODEL_NOT_READY',
  'MODEL_CONTROL_REFUSED',
  'REGION_NOT_FOUND',
  // What the server can take.
  'QUEUE_FULL',
  'DEADLINE_EXCEEDED',
  'DRAINING',
  // What an engine did.
  'ENGINE_CRASHED',
  'ENGINE_TIMEOUT',
  'ENGINE_FAILED',
  'OUTPUT_INVALID',
  // What a publisher or an operator gave.
  'MANIFEST_INVALID',
  'VERSION_CORRUPT',
  'VERSION_INCOMPLETE',
  'FORMAT_UNSUPPORTED',
  'MODEL_UNLOADABLE',
  'QUARANTINED',
  'ROLLOUT_REFUSED',
  'VERSION_EXISTS',
  'CONFIG_INVALID',
  'REGISTRY_UNAVAILABLE',
  'DISK_FULL',
  'INTERNAL',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

const KNOWN_CODES: ReadonlySet<string> = new Set(ERROR_CODES)

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && KNOWN_CODES.has(value)
}

/** A failure with a code and a sentence that tells its reader what to do. */
export class CutoverError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'CutoverError'
    this.code = code
  }
}

export const CLIENT_GONE = 'the client hung up'

/** Of a request whose client did not wait for the answer. */
export function clientGone(): CutoverError {
  return new CutoverError('REQUEST_ABORTED', CLIENT_GONE)
}

/** The sentence of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

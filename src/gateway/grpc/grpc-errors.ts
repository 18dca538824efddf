import { Metadata, type ServiceError, status } from '@grpc/grpc-js'

import type { CutoverError, ErrorCode } from '../../domain/errors.ts'
import { publicErrorOf, shortened } from '../public-error.ts'

/** The only place that knows gRPC's statuses; they are those of google.rpc.Code. */
const STATUS: Record<ErrorCode, status> = {
  REQUEST_INVALID: status.INVALID_ARGUMENT,
  REQUEST_TIMEOUT: status.DEADLINE_EXCEEDED,
  REQUEST_ABORTED: status.CANCELLED,
  BODY_TOO_LARGE: status.RESOURCE_EXHAUSTED,
  CONTENT_TYPE_UNSUPPORTED: status.INVALID_ARGUMENT,
  ROUTE_NOT_FOUND: status.UNIMPLEMENTED,
  METHOD_NOT_ALLOWED: status.UNIMPLEMENTED,
  UNAUTHORIZED: status.UNAUTHENTICATED,
  IMAGE_MISSING: status.INVALID_ARGUMENT,
  IMAGE_EMPTY: status.INVALID_ARGUMENT,
  IMAGE_UNDECODABLE: status.INVALID_ARGUMENT,
  IMAGE_FORMAT_UNSUPPORTED: status.INVALID_ARGUMENT,
  IMAGE_TOO_MANY_PIXELS: status.INVALID_ARGUMENT,
  IMAGE_NOT_ACCEPTED: status.INVALID_ARGUMENT,
  TENSOR_INVALID: status.INVALID_ARGUMENT,
  MODEL_NOT_FOUND: status.NOT_FOUND,
  VERSION_NOT_FOUND: status.NOT_FOUND,
  LABEL_NOT_FOUND: status.INVALID_ARGUMENT,
  MODEL_AMBIGUOUS: status.INVALID_ARGUMENT,
  MODEL_NOT_READY: status.UNAVAILABLE,
  MODEL_CONTROL_REFUSED: status.UNAVAILABLE,
  REGION_NOT_FOUND: status.NOT_FOUND,
  QUEUE_FULL: status.RESOURCE_EXHAUSTED,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  DRAINING: status.UNAVAILABLE,
  ENGINE_CRASHED: status.INTERNAL,
  ENGINE_TIMEOUT: status.DEADLINE_EXCEEDED,
  ENGINE_FAILED: status.INTERNAL,
  OUTPUT_INVALID: status.INTERNAL,
  MANIFEST_INVALID: status.INTERNAL,
  VERSION_CORRUPT: status.INTERNAL,
  VERSION_INCOMPLETE: status.INTERNAL,
  FORMAT_UNSUPPORTED: status.INTERNAL,
  MODEL_UNLOADABLE: status.INTERNAL,
  QUARANTINED: status.FAILED_PRECONDITION,
  ROLLOUT_REFUSED: status.FAILED_PRECONDITION,
  VERSION_EXISTS: status.ALREADY_EXISTS,
  CONFIG_INVALID: status.INTERNAL,
  REGISTRY_UNAVAILABLE: status.UNAVAILABLE,
  DISK_FULL: status.RESOURCE_EXHAUSTED,
  INTERNAL: status.INTERNAL,
}

/**
 * A sentence travels in a trailer, where a character beyond ASCII takes nine: clients take 8 KiB of
 * trailers as they come.
 */
const SENTENCE_LENGTH_MAX = 800

/** How a call ends that failed; the trailer `cutover-code` has our own code, as HTTP's body does. */
export function serviceErrorOf(thrown: unknown, metadata = new Metadata()): ServiceError {
  const error = publicErrorOf(thrown)
  metadata.set('cutover-code', error.code)
  const details = sentenceOf(error)
  return Object.assign(new Error(details), { code: statusOf(error), details, metadata })
}

export function statusOf({ code }: CutoverError): status {
  return STATUS[code]
}

/** What may be told, as long as a trailer may be. */
export function sentenceOf({ message }: Pick<Error, 'message'>): string {
  return shortened(message, SENTENCE_LENGTH_MAX)
}

import { CutoverError } from '../../domain/errors.ts'

/**
 * How many bytes of a body are JSON, from its Inference-Header-Content-Length: all without one,
 * 0 where the whole body is the data of the only input. Throws REQUEST_INVALID for a length that
 * is no plain decimal or goes beyond the body.
 */
export function headerBytesOf(value: string | undefined, bodyBytes: number): number {
  if (value === undefined) return bodyBytes
  const bytes = /^\d{1,15}$/.test(value) ? Number(value) : NaN
  if (!(bytes <= bodyBytes)) {
    throw new CutoverError(
      'REQUEST_INVALID',
      `Inference-Header-Content-Length must be a number from 0 to ${bodyBytes}, the body's length`,
    )
  }
  return bytes
}

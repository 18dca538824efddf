import { Buffer } from 'node:buffer'

import { getMultipartBoundary, parseMultipart } from '@remix-run/multipart-parser'

import { CutoverError, messageOf } from '../domain/errors.ts'

const PARTS_MAX = 20
/** RFC 2046, 5.1.1; to look for a long one takes time that grows with its length. */
const BOUNDARY_LENGTH_MAX = 70

/**
 * The bytes of the first part named `field` of a multipart/form-data body, whether or not its
 * sender gave it a file name: most of the time a view of the body. Throws IMAGE_MISSING, or
 * REQUEST_INVALID when the body is not what its content type says.
 */
export function multipartField(body: Buffer, contentType: string, field: string): Buffer {
  const boundary = getMultipartBoundary(contentType)
  if (boundary === null) throw invalid('the content type states no boundary')
  if (boundary.length > BOUNDARY_LENGTH_MAX) {
    throw invalid(`the boundary is longer than ${BOUNDARY_LENGTH_MAX} characters`)
  }
  const names: string[] = []
  let found: Buffer | undefined
  try {
    const bounds = { maxParts: PARTS_MAX, maxFileSize: body.length, maxTotalSize: body.length }
    // To the end, although the first counts as in Flask: a body that breaks off is refused.
    for (const { name, content } of parseMultipart(body, { boundary, ...bounds })) {
      if (name === field) found ??= joined(content)
      else if (name !== undefined) names.push(name)
    }
  } catch (error) {
    throw invalid(messageOf(error))
  }
  if (found !== undefined) return found
  const instead = names.length === 0 ? 'it has no fields' : `it has ${JSON.stringify(names)}`
  throw new CutoverError('IMAGE_MISSING', `the form has no field ${field}; ${instead}`)
}

function joined(chunks: readonly Uint8Array[]): Buffer {
  const [only] = chunks
  if (chunks.length !== 1 || only === undefined) return Buffer.concat(chunks)
  return Buffer.from(only.buffer, only.byteOffset, only.byteLength)
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('REQUEST_INVALID', `the multipart body is malformed: ${sentence}`)
}

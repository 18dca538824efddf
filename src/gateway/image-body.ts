import { Buffer } from 'node:buffer'

import { CutoverError } from '../domain/errors.ts'
import { checkImageFormat } from '../domain/image-format.ts'
import { multipartField } from './multipart.ts'

const FIELD = 'image'
const ACCEPTED =
  'send multipart/form-data with a field "image", a raw image/jpeg, image/png or image/webp ' +
  'body, or JSON {"image": "<base64>"}'

/** Throws CONTENT_TYPE_UNSUPPORTED, before the body is read. */
export function checkContentType(contentType: string | undefined): void {
  kindOf(contentType)
}

/**
 * The encoded image in a request body, in whichever of the three ways it was sent. Throws
 * IMAGE_MISSING, IMAGE_EMPTY, IMAGE_FORMAT_UNSUPPORTED, IMAGE_UNDECODABLE for what is no image,
 * and REQUEST_INVALID for a body that is not of its type. An image that only looks like one is
 * the engine's to refuse.
 */
export function imageOf(body: Buffer, contentType: string | undefined): Buffer {
  const image = extract(body, contentType)
  checkImageFormat(image)
  return image
}

function extract(body: Buffer, contentType: string | undefined): Buffer {
  switch (kindOf(contentType)) {
    case 'multipart':
      return multipartField(body, contentType ?? '', FIELD)
    case 'raw':
      return body
    case 'json':
      return imageOfJson(body)
  }
}

function kindOf(contentType: string | undefined): 'multipart' | 'raw' | 'json' {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type === 'multipart/form-data') return 'multipart'
  if (type === 'application/json') return 'json'
  if (type.startsWith('image/') || type === 'application/octet-stream') return 'raw'
  const given = type === '' ? 'the request has no content type' : `not ${JSON.stringify(type)}`
  throw new CutoverError('CONTENT_TYPE_UNSUPPORTED', `${given}; ${ACCEPTED}`)
}

function imageOfJson(body: Buffer): Buffer {
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch {
    throw new CutoverError('REQUEST_INVALID', 'the body is not JSON')
  }
  if (typeof parsed !== 'object' || parsed === null || !('image' in parsed)) {
    throw new CutoverError('IMAGE_MISSING', 'the JSON body has no "image"')
  }
  const image = typeof parsed.image === 'string' ? ofBase64(parsed.image) : undefined
  if (image === undefined) {
    throw new CutoverError('REQUEST_INVALID', '"image" is not a base64 string')
  }
  return image
}

/** Undefined where the text is not base64. A pattern would take ten times as long as the decoding. */
function ofBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0 || text.includes('-') || text.includes('_')) return undefined
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = Buffer.from(text, 'base64')
  // Node.js passes over what is no digit, and stops at a padding within.
  return bytes.length === (text.length / 4) * 3 - padding ? bytes : undefined
}

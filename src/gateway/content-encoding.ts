import { Buffer } from 'node:buffer'
import { promisify } from 'node:util'
import zlib from 'node:zlib'

import { CutoverError, messageOf } from '../domain/errors.ts'

const gzip = promisify(zlib.gzip)
const deflate = promisify(zlib.deflate)
/** Tells gzip from deflate by itself. */
const unzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.unzip)

export type Encoding = 'gzip' | 'deflate' | 'identity'

const KNOWN: ReadonlyMap<string, Encoding> = new Map([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['identity', 'identity'],
  ['', 'identity'],
])

/** Throws CONTENT_TYPE_UNSUPPORTED for a content-encoding other than gzip, deflate or identity. */
export function encodingOf(contentEncoding: string | undefined): Encoding {
  if (contentEncoding === undefined) return 'identity'
  const encoding = KNOWN.get(contentEncoding.trim().toLowerCase())
  if (encoding !== undefined) return encoding
  throw new CutoverError(
    'CONTENT_TYPE_UNSUPPORTED',
    'the content-encoding of a body may be gzip, deflate or identity',
  )
}

type Compression = Exclude<Encoding, 'identity'>

/** The body as it was before its encoding; throws BODY_TOO_LARGE or REQUEST_INVALID. */
export async function decoded(
  body: Buffer,
  encoding: Compression,
  bytesMax: number,
): Promise<Buffer> {
  try {
    return await unzip(body, { maxOutputLength: bytesMax })
  } catch (error) {
    if (error instanceof RangeError) {
      const sentence = `the body is larger than ${bytesMax} bytes when unpacked`
      throw new CutoverError('BODY_TOO_LARGE', sentence, { cause: error })
    }
    const sentence = `the body is not ${encoding}: ${messageOf(error)}`
    throw new CutoverError('REQUEST_INVALID', sentence, { cause: error })
  }
}

/** The encoding of ours that an Accept-Encoding likes best; of equals the one it names first. */
export function responseEncodingOf(accept: string | undefined): Encoding {
  if (accept === undefined) return 'identity'
  let best: { encoding: Encoding; quality: number } = { encoding: 'identity', quality: 0 }
  for (const entry of accept.split(',')) {
    const [name = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase())
    if (name !== 'gzip' && name !== 'deflate' && name !== 'identity') continue
    const given = parameters.find((parameter) => parameter.startsWith('q='))
    const quality = given === undefined ? 1 : Number(given.slice(2))
    if (quality > best.quality) best = { encoding: name, quality }
  }
  return best.encoding
}

export function encoded(chunks: readonly Uint8Array[], encoding: Compression): Promise<Buffer> {
  const body = Buffer.concat(chunks)
  return encoding === 'gzip' ? gzip(body) : deflate(body)
}

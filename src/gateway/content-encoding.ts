import { Buffer } from 'node:buffer'
import { promisify } from 'node:util'
import zlib from 'node:zlib'

import { CutoverError, messageOf } from '../domain/errors.ts'

const gzip = promisify(zlib.gzip)
const deflate = promisify(zlib.deflate)
/** Tells gzip from deflate by itself. */
const unzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.unzip)

export type Encoding = 'gzip' | 'deflate' | 'identity'

const KNOWN: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate', 'identity', ''])

/** Throws CONTENT_TYPE_UNSUPPORTED for a content-encoding other than gzip, deflate or identity. */
export function checkEncoding(encoding: string | undefined): void {
  if (encoding !== undefined && !KNOWN.has(encoding.trim().toLowerCase())) {
    throw new CutoverError(
      'CONTENT_TYPE_UNSUPPORTED',
      'the content-encoding of a body may be gzip, deflate or identity',
    )
  }
}

/** The body as it was before its encoding; throws BODY_TOO_LARGE or REQUEST_INVALID. */
export async function decoded(
  body: Buffer,
  encoding: string | undefined,
  bytesMax: number,
): Promise<Buffer> {
  const name = encoding?.trim().toLowerCase() ?? ''
  if (name === '' || name === 'identity') return body
  try {
    return await unzip(body, { maxOutputLength: bytesMax })
  } catch (error) {
    if (error instanceof RangeError) {
      const sentence = `the body is larger than ${bytesMax} bytes when unpacked`
      throw new CutoverError('BODY_TOO_LARGE', sentence, { cause: error })
    }
    const sentence = `the body is not ${name}: ${messageOf(error)}`
    throw new CutoverError('REQUEST_INVALID', sentence, { cause: error })
  }
}

/** The encoding of ours that an Accept-Encoding likes best; of equals the one it names first. */
export function responseEncodingOf(accept: string | undefined): Encoding {
  let best: { encoding: Encoding; quality: number } = { encoding: 'identity', quality: 0 }
  for (const entry of accept?.split(',') ?? []) {
    const [name = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase())
    if (name !== 'gzip' && name !== 'deflate' && name !== 'identity') continue
    const given = parameters.find((parameter) => parameter.startsWith('q='))
    const quality = given === undefined ? 1 : Number(given.slice(2))
    if (quality > best.quality) best = { encoding: name, quality }
  }
  return best.encoding
}

export async function encoded(
  chunks: readonly Uint8Array[],
  encoding: Encoding,
): Promise<readonly Uint8Array[]> {
  if (encoding === 'identity') return chunks
  const body = Buffer.concat(chunks)
  return [await (encoding === 'gzip' ? gzip(body) : deflate(body))]
}

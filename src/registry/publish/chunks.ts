import { createHash } from 'node:crypto'

import { CutoverError } from '../../domain/errors.ts'
import { describeBytes } from '../../lib/describe-bytes.ts'

/** Size and SHA-256 of what passes by; nothing is kept. */
export async function hashChunks(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of chunks) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** All bytes of a small file. Throws MANIFEST_INVALID when it is not small. */
export async function collectChunks(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
  file: string,
): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > bytesMax) {
      const limit = describeBytes(bytesMax)
      throw new CutoverError('MANIFEST_INVALID', `${file} is larger than ${limit}`)
    }
    parts.push(Buffer.from(chunk))
  }
  return Buffer.concat(parts)
}

import { createHash } from 'node:crypto'

import { CutoverError } from '../../domain/errors.ts'
import { describeBytes } from '../../lib/describe-bytes.ts'

export interface FileHash {
  readonly bytes: number
  /** Lower-case hexadecimal. */
  readonly sha256: string
}

/** Size and SHA-256 of what passes by; nothing is kept. */
export async function hashChunks(chunks: AsyncIterable<Uint8Array>): Promise<FileHash> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of chunks) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** The same of a file that may not be there. */
export async function hashOf(chunks: AsyncIterable<Uint8Array>): Promise<FileHash | undefined> {
  try {
    return await hashChunks(chunks)
  } catch (error) {
    if (error instanceof CutoverError && error.code === 'VERSION_INCOMPLETE') return undefined
    throw error
  }
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

import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { crc32 } from 'node:zlib'

import { S3Error } from './errors.ts'

const ALGORITHMS = {
  crc32: (bytes: Uint8Array) => {
    const digest = Buffer.alloc(4)
    digest.writeUInt32BE(crc32(bytes))
    return digest
  },
  sha1: (bytes: Uint8Array) => createHash('sha1').update(bytes).digest(),
  sha256: (bytes: Uint8Array) => createHash('sha256').update(bytes).digest(),
}

/** A checksum as S3 carries it: base64 in `x-amz-checksum-…`, with `-N` where N parts made it. */
export interface Checksum {
  readonly algorithm: keyof typeof ALGORITHMS
  readonly value: string
}

const PREFIX = 'x-amz-checksum-'

/** The header that carries it. */
export function checksumHeader({ algorithm }: Checksum): string {
  return PREFIX + algorithm
}

/** The element that carries it. */
export function checksumElement(algorithm: Checksum['algorithm']): string {
  return `Checksum${algorithm.toUpperCase()}`
}

export function checksumOf(algorithm: Checksum['algorithm'], bytes: Uint8Array): Checksum {
  return { algorithm, value: ALGORITHMS[algorithm](bytes).toString('base64') }
}

/**
 * The checksum that the headers or trailers give, after the body has met it. An algorithm that is
 * not known here is refused, so that no test believes it was checked.
 */
export function verifiedChecksum(
  headers: IncomingHttpHeaders,
  body: Uint8Array,
): Checksum | undefined {
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(PREFIX) || name === 'x-amz-checksum-mode') continue
    if (name === 'x-amz-checksum-algorithm' || name === 'x-amz-checksum-type') continue
    const algorithm = algorithmNamed(name.slice(PREFIX.length))
    const actual = checksumOf(algorithm, body)
    if (actual.value !== value) throw new S3Error('BadDigest')
    return actual
  }
  return undefined
}

/** A checksum of the parts' checksums, as S3 gives for an upload in parts. */
export function compositeChecksum(parts: readonly (Checksum | undefined)[]): Checksum | undefined {
  const algorithm = parts[0]?.algorithm
  if (algorithm === undefined) return undefined
  const digests: Buffer[] = []
  for (const part of parts) {
    if (part?.algorithm !== algorithm) return undefined
    digests.push(Buffer.from(part.value, 'base64'))
  }
  const { value } = checksumOf(algorithm, Buffer.concat(digests))
  return { algorithm, value: `${value}-${parts.length}` }
}

function algorithmNamed(name: string): Checksum['algorithm'] {
  if (name === 'crc32' || name === 'sha1' || name === 'sha256') return name
  throw new S3Error('NotImplemented')
}

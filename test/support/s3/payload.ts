import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

import { decodeAwsChunked } from './aws-chunked.ts'
import { type Checksum, verifiedChecksum } from './checksums.ts'
import { S3Error } from './errors.ts'
import type { S3Request } from './request.ts'

export interface Payload {
  readonly bytes: Buffer
  readonly checksum: Checksum | undefined
}

const PAYLOAD_BYTES_MAX = 512 * 2 ** 20

/** A request's body, after its lengths, digests and checksums have been checked. */
export async function readPayload({ http, headers }: S3Request): Promise<Payload> {
  const raw = await readBody(http)
  const { body, trailers } = decoded(raw, headers)
  if (headers['content-md5'] !== undefined && headers['content-md5'] !== md5(body)) {
    throw new S3Error('BadDigest')
  }
  return { bytes: body, checksum: verifiedChecksum({ ...headers, ...trailers }, body) }
}

async function readBody(http: S3Request['http']): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of http as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > PAYLOAD_BYTES_MAX) throw new S3Error('EntityTooLarge')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function decoded(
  raw: Buffer,
  headers: IncomingHttpHeaders,
): { body: Buffer; trailers: IncomingHttpHeaders } {
  const hash = headers['x-amz-content-sha256']
  if (hash === 'UNSIGNED-PAYLOAD') return { body: raw, trailers: {} }
  if (hash === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') {
    const { body, trailers } = decodeAwsChunked(raw)
    if (String(body.length) !== headers['x-amz-decoded-content-length']) {
      throw new S3Error('IncompleteBody')
    }
    const announced = headers['x-amz-trailer']
    if (typeof announced === 'string' && trailers[announced] === undefined) {
      throw new S3Error('IncompleteBody')
    }
    return { body, trailers }
  }
  // The forms whose chunks are signed one by one are not known here.
  if (typeof hash === 'string' && hash.startsWith('STREAMING-')) throw new S3Error('NotImplemented')
  if (hash !== createHash('sha256').update(raw).digest('hex')) {
    throw new S3Error('XAmzContentSHA256Mismatch')
  }
  return { body: raw, trailers: {} }
}

function md5(body: Buffer): string {
  return createHash('md5').update(body).digest('base64')
}

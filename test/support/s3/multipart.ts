import { createHash, randomUUID } from 'node:crypto'

import { type Answer, emptyAnswer, xmlAnswer } from './answer.ts'
import { checksumElement, checksumHeader, compositeChecksum } from './checksums.ts'
import { inMemory } from './content.ts'
import { S3Error } from './errors.ts'
import { keptHeaders } from './objects.ts'
import { type Payload, readPayload } from './payload.ts'
import { checkWrite } from './preconditions.ts'
import type { S3Request } from './request.ts'
import type { Bucket } from './store.ts'
import { xmlElements, xmlText } from './xml.ts'

interface Part extends Payload {
  readonly etag: string
}

interface Upload {
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly initiated: Date
  readonly parts: Map<number, Part>
}

const PART_NUMBER_MAX = 10_000
const PART_BYTES_MIN = 5 * 2 ** 20

/** Uploads in parts that are neither completed nor aborted, by id. */
export class Uploads extends Map<string, Upload> {
  of({ key, query }: S3Request): { readonly id: string; readonly upload: Upload } {
    const id = query.get('uploadId') ?? ''
    const upload = this.get(id)
    if (upload?.key !== key) throw new S3Error('NoSuchUpload')
    return { id, upload }
  }
}

export function createUpload({ uploads }: Bucket, { bucket, key, headers }: S3Request): Answer {
  const id = randomUUID()
  const kept = keptHeaders(headers)
  uploads.set(id, { key, headers: kept, initiated: new Date(), parts: new Map() })
  const algorithm = headers['x-amz-checksum-algorithm']
  return xmlAnswer(
    'InitiateMultipartUploadResult',
    { Bucket: bucket, Key: key, UploadId: id },
    typeof algorithm === 'string' ? { 'x-amz-checksum-algorithm': algorithm } : {},
  )
}

export async function uploadPart({ uploads }: Bucket, request: S3Request): Promise<Answer> {
  const { upload } = uploads.of(request)
  const number = Number(request.query.get('partNumber'))
  if (!Number.isInteger(number) || number < 1 || number > PART_NUMBER_MAX) {
    throw new S3Error('InvalidArgument')
  }
  const payload = await readPayload(request)
  const etag = `"${createHash('md5').update(payload.bytes).digest('hex')}"`
  upload.parts.set(number, { ...payload, etag })
  const { checksum } = payload
  return emptyAnswer(200, {
    etag,
    ...(checksum === undefined ? {} : { [checksumHeader(checksum)]: checksum.value }),
  })
}

export async function completeUpload(bucket: Bucket, request: S3Request): Promise<Answer> {
  const xml = (await readPayload(request)).bytes.toString()
  // No await from here on: of writers that race, one at a time checks and writes.
  const { id, upload } = bucket.uploads.of(request)
  const parts = namedParts(xml, upload)
  checkWrite(request.headers, bucket.objects.get(request.key))

  const digests = parts.map(({ bytes }) => createHash('md5').update(bytes).digest())
  const etag = `"${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${parts.length}"`
  const checksum = compositeChecksum(parts.map((part) => part.checksum))
  bucket.objects.put(request.key, {
    content: inMemory(parts.map(({ bytes }) => bytes)),
    etag,
    lastModified: new Date(),
    headers: upload.headers,
    checksum,
  })
  bucket.uploads.delete(id)
  return xmlAnswer('CompleteMultipartUploadResult', {
    Location: request.rawPath,
    Bucket: request.bucket,
    Key: request.key,
    ETag: etag,
    ...(checksum === undefined
      ? {}
      : { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: 'COMPOSITE' }),
  })
}

/** The parts that the request names, which have to be there, in order, and large enough. */
function namedParts(xml: string, { parts }: Upload): Part[] {
  let previous = 0
  const named = xmlElements(xml, 'Part').map((element) => {
    const number = Number(xmlText(element, 'PartNumber'))
    if (number <= previous) throw new S3Error('InvalidPartOrder')
    previous = number
    const part = parts.get(number)
    const etag = xmlText(element, 'ETag')?.replaceAll('"', '')
    if (part === undefined || part.etag !== `"${etag}"`) throw new S3Error('InvalidPart')
    const { checksum } = part
    const claimed =
      checksum === undefined ? undefined : xmlText(element, checksumElement(checksum.algorithm))
    if (claimed !== undefined && claimed !== checksum?.value) throw new S3Error('InvalidPart')
    return part
  })
  if (named.length === 0) throw new S3Error('MalformedXML')
  if (named.slice(0, -1).some(({ bytes }) => bytes.length < PART_BYTES_MIN)) {
    throw new S3Error('EntityTooSmall')
  }
  return named
}

export function abortUpload({ uploads }: Bucket, request: S3Request): Answer {
  uploads.delete(uploads.of(request).id)
  return emptyAnswer(204)
}

export function listUploads({ uploads }: Bucket, { bucket, query }: S3Request): Answer {
  const prefix = query.get('prefix') ?? ''
  return xmlAnswer('ListMultipartUploadsResult', {
    Bucket: bucket,
    Prefix: prefix,
    IsTruncated: false,
    Upload: [...uploads]
      .filter(([, { key }]) => key.startsWith(prefix))
      .map(([UploadId, { key, initiated }]) => ({
        Key: key,
        UploadId,
        Initiated: initiated.toISOString(),
      })),
  })
}

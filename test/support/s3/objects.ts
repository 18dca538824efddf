import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

import { type Answer, emptyAnswer, xmlAnswer } from './answer.ts'
import { checksumHeader } from './checksums.ts'
import { EMPTY, inMemory, slice } from './content.ts'
import { S3Error } from './errors.ts'
import { type Payload, readPayload } from './payload.ts'
import { checkRead, checkWrite } from './preconditions.ts'
import { parseRange } from './ranges.ts'
import type { S3Request } from './request.ts'
import type { Bucket, StoredObject } from './store.ts'
import { xmlElements, xmlText } from './xml.ts'

const DELETE_KEYS_MAX = 1000

export function getObject({ objects }: Bucket, { key, headers }: S3Request): Answer {
  const object = objects.get(key)
  if (object === undefined) throw new S3Error('NoSuchKey')
  const common = {
    ...object.headers,
    etag: object.etag,
    'last-modified': object.lastModified.toUTCString(),
    'accept-ranges': 'bytes',
  }
  if (checkRead(headers, object) === 'same') return emptyAnswer(304, common)
  const range = parseRange(headers.range, object.content.bytes)
  if (range === undefined) {
    const isWanted = headers['x-amz-checksum-mode'] === 'ENABLED'
    const checksum = isWanted ? checksumHeaders(object) : {}
    return { status: 200, headers: { ...common, ...checksum }, body: object.content }
  }
  const { from, to } = range
  const contentRange = `bytes ${from}-${to - 1}/${object.content.bytes}`
  return {
    status: 206,
    headers: { ...common, 'content-range': contentRange },
    body: slice(object.content, from, to),
  }
}

/** As GetObject, with the headers of the body in its place. */
export function headObject(bucket: Bucket, request: S3Request): Answer {
  const answer = getObject(bucket, request)
  const { bytes } = answer.body
  const length = answer.status === 304 ? {} : { 'content-length': String(bytes) }
  return { ...answer, headers: { ...answer.headers, ...length }, body: EMPTY }
}

export async function putObject({ objects }: Bucket, request: S3Request): Promise<Answer> {
  const payload = await readPayload(request)
  const object = storedObject(payload, keptHeaders(request.headers))
  // No await from here on: of writers that race, one at a time checks and writes.
  checkWrite(request.headers, objects.get(request.key))
  objects.put(request.key, object)
  return emptyAnswer(200, { etag: object.etag, ...checksumHeaders(object) })
}

export function storedObject(
  { bytes, checksum }: Payload,
  headers: StoredObject['headers'] = {},
): StoredObject {
  const etag = `"${createHash('md5').update(bytes).digest('hex')}"`
  return { content: inMemory([bytes]), etag, lastModified: new Date(), headers, checksum }
}

export function deleteObject({ objects }: Bucket, { key, headers }: S3Request): Answer {
  if (headers['if-match'] !== undefined) checkWrite(headers, objects.get(key))
  objects.delete(key)
  return emptyAnswer(204)
}

export async function deleteObjects({ objects }: Bucket, request: S3Request): Promise<Answer> {
  const xml = (await readPayload(request)).bytes.toString()
  const keys = xmlElements(xml, 'Object').map((object) => xmlText(object, 'Key'))
  if (keys.length === 0 || keys.length > DELETE_KEYS_MAX) throw new S3Error('MalformedXML')
  for (const key of keys) {
    if (key === undefined) throw new S3Error('MalformedXML')
    objects.delete(key)
  }
  const isQuiet = xmlText(xml, 'Quiet') === 'true'
  return xmlAnswer('DeleteResult', { Deleted: isQuiet ? [] : keys.map((Key) => ({ Key })) })
}

/** The headers of a write that a read gives back. */
export function keptHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = { 'content-type': 'binary/octet-stream' }
  for (const [name, value] of Object.entries(headers)) {
    const isKept =
      name === 'content-type' || name === 'cache-control' || name.startsWith('x-amz-meta-')
    if (isKept && typeof value === 'string') kept[name] = value
  }
  return kept
}

function checksumHeaders({ checksum }: StoredObject): Record<string, string> {
  if (checksum === undefined) return {}
  const type = checksum.value.includes('-') ? 'COMPOSITE' : 'FULL_OBJECT'
  return { [checksumHeader(checksum)]: checksum.value, 'x-amz-checksum-type': type }
}

import { type Answer, emptyAnswer, xmlAnswer } from './answer.ts'
import { S3Error } from './errors.ts'
import { type ListingEntry, listPage } from './listing.ts'
import { Uploads } from './multipart.ts'
import type { S3Request } from './request.ts'
import { bucketNamed, type Buckets, type ObjectsView, ObjectStore } from './store.ts'
import type { XmlValue } from './xml.ts'

const ENTRIES_MAX = 1000

export function createBucket(buckets: Buckets, { bucket }: Pick<S3Request, 'bucket'>): Answer {
  if (buckets.has(bucket)) throw new S3Error('BucketAlreadyOwnedByYou')
  buckets.set(bucket, { objects: new ObjectStore(), uploads: new Uploads() })
  return emptyAnswer(200, { location: `/${bucket}` })
}

export function deleteBucket(buckets: Buckets, { bucket }: S3Request): Answer {
  if (bucketNamed(buckets, bucket).objects.keys.length > 0) throw new S3Error('BucketNotEmpty')
  buckets.delete(bucket)
  return emptyAnswer(204)
}

/** ListObjectsV2 (docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html). */
export function listObjects(
  objects: ObjectsView,
  { bucket, query }: S3Request,
  options: { readonly repeatsToken: boolean },
): Answer {
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const startAfter = query.get('start-after') ?? undefined
  const token = query.get('continuation-token') ?? undefined
  const maxKeys = Number(query.get('max-keys') ?? ENTRIES_MAX)
  if (!Number.isInteger(maxKeys) || maxKeys < 0) throw new S3Error('InvalidArgument')
  const encodes = query.get('encoding-type') === 'url'
  const shown = (name: string) => (encodes ? urlEncoded(name) : name)

  const start: ListingEntry = { kind: 'key', name: startAfter ?? '' }
  const after = token === undefined ? start : entryOf(token)
  const entriesMax = Math.min(maxKeys, ENTRIES_MAX)
  const page = listPage(objects.keys, { prefix, delimiter, after, entriesMax })
  const last = page.entries.at(-1)
  const next = page.isTruncated && last !== undefined ? tokenOf(last) : undefined

  return xmlAnswer('ListBucketResult', {
    Name: bucket,
    Prefix: shown(prefix),
    Delimiter: delimiter === '' ? undefined : shown(delimiter),
    StartAfter: startAfter === undefined ? undefined : shown(startAfter),
    EncodingType: encodes ? 'url' : undefined,
    MaxKeys: maxKeys,
    KeyCount: page.entries.length,
    IsTruncated: page.isTruncated || options.repeatsToken,
    ContinuationToken: token,
    NextContinuationToken: options.repeatsToken ? (token ?? tokenOf(start)) : next,
    Contents: page.entries
      .filter(({ kind }) => kind === 'key')
      .map(({ name }) => contents(objects, name, shown(name))),
    CommonPrefixes: page.entries
      .filter(({ kind }) => kind === 'common-prefix')
      .map(({ name }) => ({ Prefix: shown(name) })),
  })
}

function contents(objects: ObjectsView, name: string, shown: string): XmlValue {
  const object = objects.get(name)
  return {
    Key: shown,
    LastModified: object?.lastModified.toISOString(),
    ETag: object?.etag,
    Size: object?.content.bytes,
    StorageClass: 'STANDARD',
  }
}

function tokenOf(entry: ListingEntry): string {
  return Buffer.from(JSON.stringify(entry)).toString('base64url')
}

function entryOf(token: string): ListingEntry {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString()) as ListingEntry
  } catch {
    throw new S3Error('InvalidArgument')
  }
}

function urlEncoded(name: string): string {
  return encodeURIComponent(name).replaceAll('%2F', '/').replaceAll('%20', '+')
}

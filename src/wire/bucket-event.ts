import { z } from 'zod'

import { CutoverError } from '../domain/errors.ts'

/** What a bucket, or a queue behind it, tells of changes. */
export type BucketEvent =
  | { readonly kind: 'changed'; readonly objects: readonly ChangedObject[] }
  /** Amazon SNS asks whether the subscription is meant: its owner opens the URL. */
  | { readonly kind: 'confirm'; readonly url: string }
  /** What is sent to try the connection. */
  | { readonly kind: 'test' }

export interface ChangedObject {
  readonly bucket: string
  readonly key: string
}

const RECORDS_MAX = 10_000

/** Amazon S3 writes this, and what imitates it: MinIO, Ceph, versitygw. */
const records = z.object({
  Records: z
    .array(
      z.object({
        s3: z.object({
          bucket: z.object({ name: z.string() }),
          object: z.object({ key: z.string() }),
        }),
      }),
    )
    .min(1)
    .max(RECORDS_MAX),
})
/** Amazon EventBridge. */
const detail = z.object({
  source: z.literal('aws.s3'),
  detail: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({ key: z.string() }),
  }),
})
const notification = z.object({ Type: z.literal('Notification'), Message: z.string() })
const confirmation = z.object({
  Type: z.literal('SubscriptionConfirmation'),
  SubscribeURL: z.url({ protocol: /^https$/ }),
})
const test = z.object({ Event: z.literal('s3:TestEvent') })

/**
 * A bucket event in any of the shapes of Amazon S3 (also within SNS, and from EventBridge) and
 * MinIO. Throws REQUEST_INVALID for anything else.
 */
export function parseBucketEvent(text: string): BucketEvent {
  const json = parseJson(text)
  const wrapped = notification.safeParse(json)
  return wrapped.success ? eventOf(parseJson(wrapped.data.Message)) : eventOf(json)
}

function eventOf(json: unknown): BucketEvent {
  const fromS3 = records.safeParse(json)
  if (fromS3.success) {
    const objects = fromS3.data.Records.map(({ s3 }) => ({
      bucket: s3.bucket.name,
      key: decodeKey(s3.object.key),
    }))
    return { kind: 'changed', objects }
  }
  const fromBridge = detail.safeParse(json)
  if (fromBridge.success) {
    const { bucket, object } = fromBridge.data.detail
    return { kind: 'changed', objects: [{ bucket: bucket.name, key: object.key }] }
  }
  const asked = confirmation.safeParse(json)
  if (asked.success) return { kind: 'confirm', url: asked.data.SubscribeURL }
  if (test.safeParse(json).success) return { kind: 'test' }
  throw invalid('expected a bucket event as Amazon S3, SNS, EventBridge or MinIO send it')
}

/** Keys in records are encoded as in a form. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return key
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('expected JSON')
  }
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('REQUEST_INVALID', sentence)
}

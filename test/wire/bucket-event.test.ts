import { describe, expect, test } from 'vitest'

import { parseBucketEvent } from '../../src/wire/bucket-event.ts'

const record = { s3: { bucket: { name: 'models' }, object: { key: 'a+b/1/manifest.json%C3%BC' } } }
const changed = {
  kind: 'changed',
  objects: [{ bucket: 'models', key: 'a b/1/manifest.jsonü' }],
}

describe('an event of a bucket', () => {
  test.each([
    ['as Amazon S3 writes it', { Records: [{ eventVersion: '2.6', ...record }] }],
    ['as MinIO does', { EventName: 's3:ObjectCreated:Put', Key: 'models/x', Records: [record] }],
    ['within SNS', { Type: 'Notification', Message: JSON.stringify({ Records: [record] }) }],
  ])('%s names what changed', (_where, event) => {
    expect(parseBucketEvent(JSON.stringify(event))).toEqual(changed)
  })

  test('from EventBridge has keys that are not encoded', () => {
    const detail = { bucket: { name: 'models' }, object: { key: 'a+b' } }
    expect(parseBucketEvent(JSON.stringify({ source: 'aws.s3', detail }))).toEqual({
      kind: 'changed',
      objects: [{ bucket: 'models', key: 'a+b' }],
    })
  })

  test('may ask for a confirmation, or be a test', () => {
    const SubscribeURL = 'https://sns.example/confirm'
    const asked = { Type: 'SubscriptionConfirmation', SubscribeURL }
    expect(parseBucketEvent(JSON.stringify(asked))).toEqual({ kind: 'confirm', url: SubscribeURL })
    expect(parseBucketEvent('{"Event":"s3:TestEvent"}')).toEqual({ kind: 'test' })
  })

  test('with a key that is not well encoded keeps it', () => {
    const odd = { s3: { bucket: { name: 'b' }, object: { key: '%zz' } } }
    expect(parseBucketEvent(JSON.stringify({ Records: [odd] }))).toMatchObject({
      objects: [{ key: '%zz' }],
    })
  })

  test.each([
    '',
    '{',
    'null',
    '[]',
    '{"Records":[]}',
    '{"Records":[{"s3":{}}]}',
    '{"Type":"Notification","Message":"{"}',
    '{"Type":"SubscriptionConfirmation","SubscribeURL":"file:///etc/passwd"}',
  ])('is not %j', (text) => {
    expect(() => parseBucketEvent(text)).toThrow('expected')
  })
})

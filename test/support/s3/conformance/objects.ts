import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

import { DeleteObjectCommand, HeadBucketCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'

import { bodyOf, statusOf, type TestBucket } from './bucket.ts'
import type { Differences } from './target.ts'

export function objectChecks(bucket: () => TestBucket, differences: Differences): void {
  describe('objects', () => {
    const head = (key: string) =>
      bucket().client.send(new HeadObjectCommand({ Bucket: bucket().name, Key: key }))

    test('a body comes back as it was written, with type, metadata and ETag', async () => {
      const more = { ContentType: 'application/json', Metadata: { kind: 'probe' } }
      const { ETag } = await bucket().put('a/b/one.json', '{"a":1}', more)
      const object = await bucket().get('a/b/one.json')
      expect((await bodyOf(object)).toString()).toBe('{"a":1}')
      expect(object).toMatchObject({ ETag, ContentType: 'application/json', ContentLength: 7 })
      expect(await head('a/b/one.json')).toMatchObject({ ETag, Metadata: { kind: 'probe' } })
      expect(ETag).toBe(`"${createHash('md5').update('{"a":1}').digest('hex')}"`)
    })

    test.each([
      'space and +plus',
      'ünïcode/日本語.txt',
      "a/(b)!'*~/c",
      'per%20cent/%2F',
      'a=b&c?d#e',
    ])('the key %s', async (key) => {
      await bucket().put(key, key)
      expect(await bucket().text(key)).toBe(key)
      const { Contents } = await bucket().list({ Prefix: key })
      expect(Contents?.map(({ Key }) => Key)).toEqual([key])
    })

    test('a key and a key below it', async () => {
      await bucket().put('below', '1')
      const status = await statusOf(bucket().put('below/it', '2'))
      expect(status).toBe(differences.keyBelowKey === 'stored' ? 200 : 409)
      expect(await bucket().text('below')).toBe('1')
    })

    test('empty objects, also under a key that ends in a slash', async () => {
      await bucket().put('empty', '', { ContentLength: 0 })
      await bucket().put('folder/', '', { ContentLength: 0 })
      expect((await head('empty')).ContentLength).toBe(0)
      expect((await head('folder/')).ContentLength).toBe(0)
    })

    test('what is not there is 404, and removing it is no error', async () => {
      await expect(bucket().get('none')).rejects.toMatchObject({ name: 'NoSuchKey' })
      expect(await statusOf(head('none'))).toBe(404)
      const { client, name } = bucket()
      const remove = new DeleteObjectCommand({ Bucket: name, Key: 'none' })
      expect(await statusOf(client.send(remove))).toBe(204)
    })

    test('a bucket that is not there is 404', async () => {
      const Bucket = `${bucket().name}-none`
      expect(await statusOf(bucket().client.send(new HeadBucketCommand({ Bucket })))).toBe(404)
      await expect(bucket().list({ Bucket })).rejects.toMatchObject({ name: 'NoSuchBucket' })
      await expect(bucket().put('a', 'b', { Bucket })).rejects.toMatchObject({
        name: 'NoSuchBucket',
      })
    })

    test('a stream is stored as it is (aws-chunked, checksum in the trailer)', async () => {
      const body = Buffer.from('streamed '.repeat(100_000))
      await bucket().put('stream', Readable.from([body]), { ContentLength: body.length })
      expect((await bucket().bytes('stream')).equals(body)).toBe(true)
    })

    test('a SHA-256 that is given is checked, kept and given back', async () => {
      const sum = (text: string) => createHash('sha256').update(text).digest('base64')
      await bucket().put('summed', 'checked', { ChecksumSHA256: sum('checked') })
      const { ChecksumSHA256 } = await bucket().get('summed', { ChecksumMode: 'ENABLED' })
      expect(ChecksumSHA256).toBe(sum('checked'))
      const wrong = bucket().put('missummed', 'checked', { ChecksumSHA256: sum('other') })
      expect(await statusOf(wrong)).toBe(400)
      expect(await statusOf(head('missummed'))).toBe(404)
    })

    test('ranges', async () => {
      await bucket().put('digits', '0123456789')
      const range = async (Range: string) => {
        const part = await bucket().get('digits', { Range })
        expect(part.$metadata.httpStatusCode).toBe(206)
        return [(await bodyOf(part)).toString(), part.ContentRange]
      }
      expect(await range('bytes=2-4')).toEqual(['234', 'bytes 2-4/10'])
      expect(await range('bytes=7-')).toEqual(['789', 'bytes 7-9/10'])
      expect(await range('bytes=-3')).toEqual(['789', 'bytes 7-9/10'])
      expect(await range('bytes=8-99')).toEqual(['89', 'bytes 8-9/10'])
      expect(await statusOf(bucket().get('digits', { Range: 'bytes=10-20' }))).toBe(416)
    })
  })
}

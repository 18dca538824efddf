import { setTimeout as sleep } from 'node:timers/promises'

import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'

import { EVERY_EFFECT } from './every-effect.ts'
import type { FakeS3 } from './fake-s3.ts'
import { startFakeS3 } from './start.ts'

const BODY = Buffer.from('0123456789'.repeat(100))
const OTHER = Buffer.from('another object')
const MIB = 2 ** 20

let s3: FakeS3
let client: S3Client
beforeAll(async () => {
  s3 = await startFakeS3()
  const { endpoint, region, credentials } = s3
  client = new S3Client({
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
    maxAttempts: 1,
    // As with an object that was written without a checksum, so that wrong bytes are to be seen.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { requestTimeout: 500, throwOnRequestTimeout: true },
  })
  s3.objects.put('a', BODY)
  s3.objects.put('b', OTHER)
})
afterAll(() => client.destroy())
afterEach(async () => {
  s3.clearFaults()
  s3.requests.reset()
  s3.objects.delete('c')
  await s3.up()
})

const get = (Key: string, Range?: string) =>
  client.send(new GetObjectCommand({ Bucket: s3.bucket, Key, Range }))
const put = (Key: string, Body: string) =>
  client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body, IfNoneMatch: '*' }))
const list = (ContinuationToken?: string, MaxKeys?: number) =>
  client.send(new ListObjectsV2Command({ Bucket: s3.bucket, ContinuationToken, MaxKeys }))

/** What comes of a request, in a word or two. */
async function outcome(request: Promise<GetObjectCommandOutput>): Promise<string> {
  try {
    return await bodySeen(await request)
  } catch (error) {
    const status = error instanceof S3ServiceException && error.$metadata.httpStatusCode
    return status ? `${status} ${error.name}` : 'no answer'
  }
}

async function bodySeen({ Body, ETag }: GetObjectCommandOutput): Promise<string> {
  const chunks: Buffer[] = []
  const bytes = () => chunks.reduce((sum, { length }) => sum + length, 0)
  try {
    for await (const chunk of Body as AsyncIterable<Buffer>) chunks.push(chunk)
  } catch {
    return `broken after ${bytes()} bytes`
  }
  const read = Buffer.concat(chunks)
  const tag =
    ETag === undefined ? ' and no ETag' : ETag === s3.objects.etag('a') ? '' : ' and another ETag'
  if (read.equals(BODY)) return `right${tag}`
  if (read.equals(OTHER)) return `another object${tag}`
  return `${bytes()} wrong bytes${tag}`
}

const WHOLE_READS: Readonly<Record<keyof typeof EVERY_EFFECT, string>> = {
  'connection refused': 'no answer',
  'connection reset': 'no answer',
  'no answer': 'no answer',
  '500 InternalError': '500 InternalError',
  '503 SlowDown': '503 SlowDown',
  '403 AccessDenied': '403 AccessDenied',
  '400 ExpiredToken': '400 ExpiredToken',
  '403 ExpiredToken': '403 ExpiredToken',
  '403 InvalidAccessKeyId': '403 InvalidAccessKeyId',
  '404 NoSuchKey': '404 NoSuchKey',
  '404 NoSuchBucket': '404 NoSuchBucket',
  '409 ConditionalRequestConflict': '409 ConditionalRequestConflict',
  '301 PermanentRedirect': '301 PermanentRedirect',
  'a page of HTML': '83 wrong bytes and no ETag',
  'broken XML': '23 wrong bytes and no ETag',
  'an empty 200': '0 wrong bytes and no ETag',
  'answer lost': 'no answer',
  'stale listing': 'right',
  'repeated token': 'right',
  'flipped bit': '1000 wrong bytes',
  'half the content': '500 wrong bytes',
  'body of another object': 'another object',
  '50 MiB': `${50 * MIB} wrong bytes`,
  '256 MiB of unknown length': `${256 * MIB} wrong bytes`,
  'wrong ETag': 'right and another ETag',
  'no ETag': 'right and no ETag',
  'late answer': 'right',
  'slow bytes': 'right',
  'truncated body': 'broken after 500 bytes',
  'reset in the body': 'broken after 500 bytes',
  'Content-Length too large': 'broken after 1000 bytes',
  'Content-Length too small': '990 wrong bytes',
}

describe('a read', () => {
  test.each(Object.keys(WHOLE_READS) as (keyof typeof EVERY_EFFECT)[])('%s', async (name) => {
    s3.inject({ operation: 'get', key: /^a$/, times: 1, effect: EVERY_EFFECT[name] })
    expect(await outcome(get('a'))).toBe(WHOLE_READS[name])
    await s3.up()
    expect(await outcome(get('a'))).toBe('right')
  })

  test('of a range of another object is of that object', async () => {
    s3.inject({ operation: 'get', effect: { kind: 'substitute', key: 'b' } })
    const { Body } = await get('a', 'bytes=8-13')
    expect(await Body?.transformToString()).toBe('object')
  })

  test('slow bytes come a few at a time', async () => {
    s3.inject({ operation: 'get', effect: { kind: 'slow', bytesPerSecond: 4_000 } })
    const lengths: number[] = []
    for await (const chunk of (await get('a')).Body as AsyncIterable<Buffer>) {
      lengths.push(chunk.length)
    }
    expect(lengths).toEqual([200, 200, 200, 200, 200])
  })
})

describe('a listing', () => {
  test('is as it was, when stale', async () => {
    s3.inject({ operation: 'list', times: 1, effect: { kind: 'stale-listing' } })
    s3.objects.put('c', 'new')
    s3.objects.delete('b')
    expect((await list()).Contents?.map(({ Key }) => Key)).toEqual(['a', 'b'])
    expect((await list()).Contents?.map(({ Key }) => Key)).toEqual(['a', 'c'])
    s3.objects.put('b', OTHER)
  })

  test('gives the same page for ever', async () => {
    s3.inject({ operation: 'list', effect: { kind: 'repeat-token' } })
    const first = await list(undefined, 1)
    const second = await list(first.NextContinuationToken, 1)
    const third = await list(second.NextContinuationToken, 1)
    for (const { IsTruncated, Contents } of [first, second, third]) {
      expect([IsTruncated, Contents?.[0]?.Key]).toEqual([true, 'a'])
    }
  })

  test('has other ETags, or none', async () => {
    s3.inject({ operation: 'list', times: 1, effect: EVERY_EFFECT['wrong ETag'] })
    expect((await list()).Contents?.[0]?.ETag).toBe(EVERY_EFFECT['wrong ETag'].value)
    s3.inject({ operation: 'list', times: 1, effect: EVERY_EFFECT['no ETag'] })
    expect((await list()).Contents?.[0]?.ETag).toBeUndefined()
  })

  test('is no listing at all', async () => {
    s3.inject({ operation: 'list', times: 1, effect: EVERY_EFFECT['broken XML'] })
    await expect(list()).rejects.toThrow('XML parse error')
    // The SDK takes a page of HTML for a listing that says nothing.
    s3.inject({ operation: 'list', times: 1, effect: EVERY_EFFECT['a page of HTML'] })
    const { $metadata, ...said } = await list()
    expect([$metadata.httpStatusCode, said]).toEqual([200, {}])
  })
})

describe('a write', () => {
  test('whose answer is lost has been made', async () => {
    s3.inject({ operation: 'put', times: 1, effect: { kind: 'lose-answer' } })
    await expect(put('c', 'mine')).rejects.toThrow('ECONNRESET')
    expect((await s3.objects.get('c'))?.toString()).toBe('mine')
    await expect(put('c', 'again')).rejects.toMatchObject({ name: 'PreconditionFailed' })
  })

  test.each(['connection reset', '503 SlowDown', '403 AccessDenied', 'no answer'] as const)(
    'that ends with %s has not',
    async (name) => {
      s3.inject({ operation: 'put', times: 1, effect: EVERY_EFFECT[name] })
      await expect(put('c', 'x'.repeat(MIB))).rejects.toThrow()
      expect(await s3.objects.get('c')).toBeUndefined()
      await put('c', 'mine')
    },
  )
})

describe('faults', () => {
  test('meet what they name: operation, key, after so many, so many times', async () => {
    const effect = { kind: 'error', code: 'SlowDown' } as const
    s3.inject({ operation: 'GetObject', key: /^a$/, after: 1, times: 2, effect })
    expect(await outcome(get('b'))).toContain('another object')
    const outcomes = []
    for (let i = 0; i < 4; i++) outcomes.push(await outcome(get('a')))
    expect(outcomes).toEqual(['right', '503 SlowDown', '503 SlowDown', 'right'])
    expect((await list()).KeyCount).toBe(2)
  })

  test.each(['late answer', 'slow bytes', '256 MiB of unknown length', 'no answer'] as const)(
    'leave nothing behind when the client does not wait: %s',
    async (name) => {
      const errors = vi.spyOn(console, 'error')
      s3.inject({ operation: 'get', effect: EVERY_EFFECT[name] })
      const abort = new AbortController()
      const command = new GetObjectCommand({ Bucket: s3.bucket, Key: 'a' })
      const read = client
        .send(command, { abortSignal: abort.signal })
        .then(({ Body }) => Body?.transformToByteArray())
      setTimeout(() => abort.abort(), 50)
      await expect(read).rejects.toThrow()
      s3.clearFaults()
      await sleep(300)
      expect(await outcome(get('a'))).toBe('right')
      expect(errors).not.toHaveBeenCalled()
      errors.mockRestore()
    },
  )

  test('add up', async () => {
    s3.inject({ operation: 'any', effect: EVERY_EFFECT['flipped bit'] })
    s3.inject({ operation: 'get', effect: EVERY_EFFECT['no ETag'] })
    expect(await outcome(get('a'))).toBe('1000 wrong bytes and no ETag')
    s3.clearFaults()
    expect(await outcome(get('a'))).toBe('right')
  })

  test('are logged with the requests that met them', async () => {
    s3.inject({ operation: 'get', key: /a/, times: 1, effect: EVERY_EFFECT['truncated body'] })
    await outcome(get('a'))
    await outcome(get('b', 'bytes=0-3'))
    await outcome(get('none'))
    const logged = s3.requests.all('GetObject')
    expect(
      logged.map(({ key, status, faults, bytesSent }) => [key, status, faults, bytesSent]),
    ).toEqual([
      ['a', 200, ['truncate'], 500],
      ['b', 206, [], 4],
      ['none', 404, [], expect.any(Number)],
    ])
    expect(logged[1]?.headers['range']).toBe('bytes=0-3')
    expect(s3.requests.count(undefined, /^a$/)).toBe(1)
  })
})

test('while it is down connections are refused, and it comes back on the same port', async () => {
  const { endpoint } = s3
  s3.down()
  await expect(get('a')).rejects.toThrow() // on a connection that was open
  await expect(get('a')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await s3.up()
  expect(s3.endpoint).toBe(endpoint)
  expect(await outcome(get('a'))).toBe('right')
})

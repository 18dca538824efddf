import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'

import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'

import { temporaryDirectory } from '../registry.ts'
import type { Credentials } from './accounts.ts'
import { decodeAwsChunked } from './aws-chunked.ts'
import type { FakeS3 } from './fake-s3.ts'
import { startFakeS3 } from './start.ts'

const GIB = 2 ** 30

let s3: FakeS3
const clients: S3Client[] = []
beforeAll(async () => {
  s3 = await startFakeS3()
})
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy()
})

function clientOf(credentials: Credentials = s3.credentials, region: string = s3.region): S3Client {
  const { endpoint } = s3
  const client = new S3Client({
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
    maxAttempts: 1,
  })
  clients.push(client)
  return client
}

function get(client: S3Client, Key: string, Range?: string): Promise<Uint8Array | undefined> {
  return client
    .send(new GetObjectCommand({ Bucket: s3.bucket, Key, Range }))
    .then(({ Body }) => Body?.transformToByteArray())
}

describe('objects that take no memory', () => {
  test('a synthetic one of a gigabyte, read at its end', async () => {
    const { bytes } = await s3.objects.putSynthetic('large', GIB, 7)
    expect(bytes).toBe(GIB)
    const whole = await get(clientOf(), 'large', `bytes=${GIB - 100_000}-`)
    const half = await get(clientOf(), 'large', `bytes=${GIB - 50_000}-`)
    expect(whole).toHaveLength(100_000)
    expect(Buffer.from(whole ?? []).subarray(50_000)).toEqual(Buffer.from(half ?? []))
  })

  test('its digest is that of its bytes, its seed makes them', async () => {
    const { sha256 } = await s3.objects.putSynthetic('one', 200_000, 1)
    const bytes = (await get(clientOf(), 'one')) ?? []
    expect(createHash('sha256').update(Buffer.from(bytes)).digest('hex')).toBe(sha256)
    expect((await s3.objects.putSynthetic('two', 200_000, 2)).sha256).not.toBe(sha256)
    expect((await s3.objects.putSynthetic('one', 200_000, 1)).sha256).toBe(sha256)
  })

  test('one that is a file', async () => {
    const file = path.join(temporaryDirectory(), 'file')
    writeFileSync(file, '0123456789')
    s3.objects.putFile('file', file)
    expect(Buffer.from((await get(clientOf(), 'file')) ?? []).toString()).toBe('0123456789')
    const part = await get(clientOf(), 'file', 'bytes=3-5')
    expect(Buffer.from(part ?? []).toString()).toBe('345')
  })
})

describe('credentials', () => {
  test('a session works until it expires, and the next one after it', async () => {
    s3.objects.put('a', 'a')
    const session = s3.accounts.startSession()
    const client = clientOf(session)
    await get(client, 'a')
    s3.accounts.expireSession(session)
    const expired = { name: 'ExpiredToken', $metadata: { httpStatusCode: 400 } }
    await expect(get(client, 'a')).rejects.toMatchObject(expired)
    s3.accounts.expireSession(session, 403)
    await expect(get(client, 'a')).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
    await get(clientOf(s3.accounts.startSession()), 'a')
  })

  test('a session without its token, or with another, is refused', async () => {
    const { sessionToken, ...credentials } = s3.accounts.startSession()
    const invalid = { name: 'InvalidToken' }
    await expect(get(clientOf(credentials), 'a')).rejects.toMatchObject(invalid)
    const other = { ...credentials, sessionToken: `${sessionToken}x` }
    await expect(get(clientOf(other), 'a')).rejects.toMatchObject(invalid)
  })

  test('a signature for another region is refused', async () => {
    await expect(get(clientOf(s3.credentials, 'eu-west-1'), 'a')).rejects.toMatchObject({
      name: 'AuthorizationHeaderMalformed',
    })
  })

  test('the environment is all that a client needs', async () => {
    const before = { ...process.env }
    Object.assign(process.env, s3.env)
    const client = new S3Client({ forcePathStyle: true, maxAttempts: 1 })
    clients.push(client)
    await get(client, 'a')
    process.env = before
  })
})

describe('bodies', () => {
  test('a body that is not what was signed is refused', async () => {
    const client = clientOf()
    const tampered = { step: 'finalizeRequest', priority: 'low' } as const
    client.middlewareStack.add(
      (next) => (args) => {
        Object.assign(args.request as object, { body: 'tampered' })
        return next(args)
      },
      tampered,
    )
    const write = new PutObjectCommand({ Bucket: s3.bucket, Key: 't', Body: 'original' })
    await expect(client.send(write)).rejects.toMatchObject({ name: 'XAmzContentSHA256Mismatch' })
    expect(await s3.objects.get('t')).toBeUndefined()
  })

  test('aws-chunked is decoded with its trailers', () => {
    const raw =
      '5\r\nhello\r\n6;chunk-signature=0\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n'
    const { body, trailers } = decodeAwsChunked(Buffer.from(raw))
    expect(body.toString()).toBe('hello world')
    expect(trailers).toEqual({ 'x-amz-checksum-crc32': 'DUoRhQ==' })
  })

  test.each(['', '5\r\nhel', '5\r\nhello\r\n', '5\r\nhelloxx0\r\n\r\n', 'zz\r\n'])(
    'what is not aws-chunked is refused: %j',
    (raw) => {
      expect(() => decodeAwsChunked(Buffer.from(raw))).toThrow('number of bytes')
    },
  )
})

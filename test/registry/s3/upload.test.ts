import { Readable } from 'node:stream'

import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'

import { S3Bucket } from '../../../src/registry/s3/bucket.ts'
import { parseS3Url } from '../../../src/registry/s3/location.ts'
import type { FakeS3 } from '../../support/s3/fake-s3.ts'
import { startFakeS3 } from '../../support/s3/start.ts'

const KEY = 'm/1/weights.bin'
const { signal } = new AbortController()

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'

function clientOf({ endpoint, region, credentials }: FakeS3): S3Client {
  return new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
}

/** Of two parts. */
function upload(s3: FakeS3): Promise<boolean> {
  const location = parseS3Url(`s3://${s3.bucket}`)
  const bucket = new S3Bucket(clientOf(s3), { location, requestTimeoutMs: 60_000 })
  const body = Readable.from([Buffer.alloc(20e6, 'ours')])
  return bucket.upload(KEY, body, signal, () => {})
}

async function uploadsLeft(s3: FakeS3): Promise<unknown[]> {
  const command = new ListMultipartUploadsCommand({ Bucket: s3.bucket })
  return (await clientOf(s3).send(command)).Uploads ?? []
}

test('an upload in parts that loses to another leaves no parts', async () => {
  const s3 = await startFakeS3()
  s3.objects.put(KEY, 'theirs')
  expect(await upload(s3)).toBe(false)
  expect(await uploadsLeft(s3)).toEqual([])
  expect(String(await s3.objects.get(KEY))).toBe('theirs')
})

test('nor does one whose completion fails, and that they cannot be removed changes nothing', async () => {
  const s3 = await startFakeS3()
  s3.inject({
    operation: 'CompleteMultipartUpload',
    effect: { kind: 'error', code: 'InternalError' },
  })
  const failure = { code: 'REGISTRY_UNAVAILABLE', message: expect.stringMatching(/500/) }
  await expect(upload(s3)).rejects.toMatchObject(failure)
  expect(await uploadsLeft(s3)).toEqual([])
  s3.inject({ operation: 'AbortMultipartUpload', effect: { kind: 'error', code: 'AccessDenied' } })
  await expect(upload(s3)).rejects.toMatchObject(failure)
})

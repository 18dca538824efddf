import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { beforeAll, describe, expect, test } from 'vitest'

import { type Body, statusOf, type TestBucket } from './bucket.ts'

const MIB = 2 ** 20
const PART_BYTES = 5 * MIB
const RANGES = 16

export function uploadChecks(bucket: () => TestBucket): void {
  describe('uploads in parts', () => {
    const body = randomBytes(17 * MIB)
    const upload = (Key: string, Body: Body, more = {}) =>
      new Upload({
        client: bucket().client,
        params: { Bucket: bucket().name, Key, Body, ...more },
        partSize: PART_BYTES,
      }).done()
    const openUploads = async (Prefix: string) => {
      const { client, name: Bucket } = bucket()
      const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix }))
      return Uploads ?? []
    }

    beforeAll(async () => {
      await upload('large', body)
    })

    test('a large body comes back whole', async () => {
      expect(sha256(await bucket().bytes('large'))).toBe(sha256(body))
      expect(await openUploads('large')).toEqual([])
    })

    test('so does one from a stream of unknown length', async () => {
      const pieces = Array.from({ length: 17 }, (_, i) => body.subarray(i * MIB, (i + 1) * MIB))
      await upload('large-stream', Readable.from(pieces))
      expect(sha256(await bucket().bytes('large-stream'))).toBe(sha256(body))
    })

    test(`${RANGES} ranges at a time`, async () => {
      const step = Math.ceil(body.length / RANGES)
      const parts = await Promise.all(
        Array.from({ length: RANGES }, (_, i) =>
          bucket().bytes('large', { Range: `bytes=${i * step}-${(i + 1) * step - 1}` }),
        ),
      )
      expect(sha256(Buffer.concat(parts))).toBe(sha256(body))
    })

    test('it can be completed on condition that the key is new', async () => {
      await expect(upload('large', body, { IfNoneMatch: '*' })).rejects.toMatchObject({
        $metadata: { httpStatusCode: 412 },
      })
      await upload('large-new', body, { IfNoneMatch: '*' })
      expect(sha256(await bucket().bytes('large-new'))).toBe(sha256(body))
    })

    test('nothing is seen of it before it is completed, nor after it is aborted', async () => {
      const { client, name: Bucket } = bucket()
      const Key = 'unfinished'
      const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
      const part = { Bucket, Key, UploadId, PartNumber: 1, Body: 'a part' }
      const { ETag } = await client.send(new UploadPartCommand(part))
      expect(await statusOf(bucket().get(Key))).toBe(404)
      expect((await openUploads(Key)).map((open) => open.UploadId)).toEqual([UploadId])

      await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
      expect(await openUploads(Key)).toEqual([])
      const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] }
      const complete = { Bucket, Key, UploadId, MultipartUpload }
      await expect(client.send(new CompleteMultipartUploadCommand(complete))).rejects.toMatchObject(
        { name: 'NoSuchUpload' },
      )
    })
  })
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

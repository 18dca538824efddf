import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { DeleteObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { beforeAll, describe, expect, test } from 'vitest'

import { bodyOf, STALE_ETAG, statusOf, type TestBucket } from './bucket.ts'

const WRITERS = 32

export function conditionChecks(bucket: () => TestBucket): void {
  describe('conditions', () => {
    test('a read that has the object already is 304', async () => {
      const { ETag: IfNoneMatch } = await bucket().put('seen', '1')
      expect(await statusOf(bucket().get('seen', { IfNoneMatch }))).toBe(304)
      const { client, name: Bucket } = bucket()
      const head = new HeadObjectCommand({ Bucket, Key: 'seen', IfNoneMatch })
      expect(await statusOf(client.send(head))).toBe(304)
      expect(await statusOf(bucket().get('seen', { IfNoneMatch: STALE_ETAG }))).toBe(200)
    })

    test('a read of an object that has changed is 412, of a range too', async () => {
      const { ETag } = await bucket().put('changed', '12345')
      const stale = { IfMatch: STALE_ETAG }
      expect(await statusOf(bucket().get('changed', stale))).toBe(412)
      expect(await statusOf(bucket().get('changed', { ...stale, Range: 'bytes=0-1' }))).toBe(412)
      const current = { IfMatch: ETag, Range: 'bytes=0-1' }
      expect(await statusOf(bucket().get('changed', current))).toBe(206)
    })

    test('If-None-Match: * writes once', async () => {
      const once = { IfNoneMatch: '*' }
      expect(await statusOf(bucket().put('once', '1', once))).toBe(200)
      expect(await statusOf(bucket().put('once', '2', once))).toBe(412)
      expect(await bucket().text('once')).toBe('1')
      const { client, name: Bucket } = bucket()
      await client.send(new DeleteObjectCommand({ Bucket, Key: 'once' }))
      expect(await statusOf(bucket().put('once', '3', once))).toBe(200)
    })

    test('If-Match writes over that version alone', async () => {
      const { ETag } = await bucket().put('swap', '1')
      expect(await statusOf(bucket().put('swap', '2', { IfMatch: ETag }))).toBe(200)
      expect(await statusOf(bucket().put('swap', '3', { IfMatch: ETag }))).toBe(412)
      expect(await bucket().text('swap')).toBe('2')
    })

    test('If-Match on a key that is not there is 404 and writes nothing', async () => {
      const IfMatch = STALE_ETAG
      expect(await statusOf(bucket().put('absent', '1', { IfMatch }))).toBe(404)
      expect(await statusOf(bucket().get('absent'))).toBe(404)
    })

    test('a removal with a stale If-Match is 412', async () => {
      await bucket().put('kept', '1')
      const { client, name: Bucket } = bucket()
      const remove = new DeleteObjectCommand({ Bucket, Key: 'kept', IfMatch: STALE_ETAG })
      expect(await statusOf(client.send(remove))).toBe(412)
      expect(await bucket().text('kept')).toBe('1')
    })
  })

  describe('races', () => {
    let clients: S3Client[] = []
    beforeAll(() => {
      clients = Array.from({ length: WRITERS }, () => bucket().newClient())
    })

    test.each([
      ['If-None-Match', 16],
      ['If-None-Match', 262_144],
      ['If-Match', 16],
      ['If-Match', 262_144],
    ] as const)(`of ${WRITERS} writers with %s and %i bytes one wins`, async (header, bytes) => {
      for (let round = 0; round < bucket().target.raceRounds; round++) {
        const key = `race/${header}/${bytes}/${round}`
        const condition =
          header === 'If-Match'
            ? { IfMatch: (await bucket().put(key, 'base')).ETag }
            : { IfNoneMatch: '*' }
        const body = (writer: number) => `${writer}:`.padEnd(bytes, String(writer % 10))
        const statuses = await Promise.all(
          clients.map((client, i) => statusOf(bucket().put(key, body(i), condition, client))),
        )
        const winners = statuses.flatMap((status, i) => (status === 200 ? [i] : []))
        expect(winners).toHaveLength(1)
        expect(statuses.filter((s) => s !== 200 && s !== 412 && s !== 409)).toEqual([])
        expect(await bucket().text(key)).toBe(body(winners[0] ?? -1))
      }
    })

    test('a counter that 8 writers raise by compare-and-set loses nothing', async () => {
      await bucket().put('counter', '0')
      await Promise.all(clients.slice(0, 8).map((client) => raise(bucket(), client, 10)))
      expect(await bucket().text('counter')).toBe('80')
    })

    test('a read during overwrites is of one version', async () => {
      await bucket().put('torn', 'v0')
      const writing = new AbortController()
      const readers = clients.slice(1, 5).map(async (client) => {
        let torn = 0
        while (!writing.signal.aborted) {
          const text = (await bucket().bytes('torn', {}, client)).toString()
          const version = /^v\d+/.exec(text)?.[0] ?? '?'
          if (text !== version.repeat(text.length / version.length)) torn++
        }
        return torn
      })
      for (let i = 0; i < 100; i++) await bucket().put('torn', `v${i}`.repeat(1 + (i % 50)))
      writing.abort()
      expect(await Promise.all(readers)).toEqual([0, 0, 0, 0])
    })

    test('when nobody writes, an ETag is that of the body', async () => {
      const object = await bucket().get('torn')
      const md5 = createHash('md5')
        .update(await bodyOf(object))
        .digest('hex')
      expect(object.ETag).toBe(`"${md5}"`)
    })
  })
}

async function raise(bucket: TestBucket, client: S3Client, times: number): Promise<void> {
  for (let done = 0; done < times;) {
    const seen = await bucket.get('counter', {}, client)
    const next = String(Number((await bodyOf(seen)).toString()) + 1)
    const status = await statusOf(bucket.put('counter', next, { IfMatch: seen.ETag }, client))
    if (status === 200) done++
    else if (status === 412 || status === 409) await sleep(Math.random() * 10)
    else throw new Error(`status ${status}`)
  }
}

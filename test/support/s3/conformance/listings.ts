import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { beforeAll, describe, expect, test } from 'vitest'

import type { TestBucket } from './bucket.ts'
import type { Differences } from './target.ts'

const KEYS = 1203
const FOLDERS = 7
const WRITERS = 16

export function listingChecks(bucket: () => TestBucket, differences: Differences): void {
  describe('listings', () => {
    const keys = Array.from(
      { length: KEYS },
      (_, i) => `list/m${i % FOLDERS}/f${String(i).padStart(5, '0')}`,
    ).sort()

    beforeAll(async () => {
      const left = [...keys]
      await Promise.all(
        Array.from({ length: WRITERS }, async () => {
          for (let key = left.pop(); key !== undefined; key = left.pop()) {
            await bucket().put(key, key)
          }
        }),
      )
    })

    test('pages go through every key in order, with ETag and size', async () => {
      const pages = await bucket().pages({ Prefix: 'list/' })
      expect(pages.map(({ KeyCount }) => KeyCount)).toEqual([1000, KEYS - 1000])
      const contents = pages.flatMap(({ Contents }) => Contents ?? [])
      expect(contents.map(({ Key }) => Key)).toEqual(keys)
      expect(contents.every(({ ETag, Size = 0 }) => ETag !== undefined && Size > 0)).toBe(true)
    })

    test('a delimiter gives folders, in pages too', async () => {
      const folders = Array.from({ length: FOLDERS }, (_, i) => `list/m${i}/`)
      for (const [MaxKeys, count] of [
        [1000, 1],
        [3, 3],
      ]) {
        const pages = await bucket().pages({ Prefix: 'list/', Delimiter: '/', MaxKeys })
        expect(pages).toHaveLength(count ?? 0)
        const prefixes = pages.flatMap(({ CommonPrefixes }) => CommonPrefixes ?? [])
        expect(prefixes.map(({ Prefix }) => Prefix)).toEqual(folders)
        expect(pages.flatMap(({ Contents }) => Contents ?? [])).toEqual([])
      }
    })

    test('start-after, and no more than were asked for', async () => {
      const query = { Prefix: 'list/m0/', StartAfter: 'list/m0/f00700', MaxKeys: 2 }
      const { Contents, IsTruncated } = await bucket().list(query)
      expect(Contents?.map(({ Key }) => Key)).toEqual(['list/m0/f00707', 'list/m0/f00714'])
      expect(IsTruncated).toBe(true)
    })

    test('a listing says whether its keys are URL-encoded', async () => {
      const key = 'encoded/a b+c%d/é'
      await bucket().put(key, '1')
      const { Contents, EncodingType } = await bucket().list({
        Prefix: 'encoded/',
        EncodingType: 'url',
      })
      const isEncoded = EncodingType === 'url'
      expect(isEncoded).toBe(differences.canEncodeListings)
      const [{ Key = '' } = {}] = Contents ?? []
      if (isEncoded) {
        expect(Key).not.toBe(key)
        expect(decodeURIComponent(Key.replaceAll('+', ' '))).toBe(key)
      } else {
        expect(Key).toBe(key)
      }
    })

    test('keys come in the order of their UTF-8 bytes', async () => {
      const ordered = ['B', 'a', 'c-d', 'c/d', 'c0', 'é', '～', '😀'].map((name) => `order/${name}`)
      for (const key of ordered.toReversed()) await bucket().put(key, '1')
      const { Contents } = await bucket().list({ Prefix: 'order/' })
      expect(Contents?.map(({ Key }) => Key)).toEqual(ordered)
    })

    test('nothing is listed where nothing is', async () => {
      const { KeyCount, IsTruncated, Contents } = await bucket().list({ Prefix: 'none/' })
      expect({ KeyCount, IsTruncated, Contents }).toEqual({ KeyCount: 0, IsTruncated: false })
    })

    test('a listing knows every write before it', async () => {
      const { client, name: Bucket } = bucket()
      for (let i = 0; i < 10; i++) {
        const Key = `current/${i}`
        await bucket().put(Key, 'x')
        expect((await bucket().list({ Prefix: 'current/' })).KeyCount).toBe(1)
        await client.send(new DeleteObjectCommand({ Bucket, Key }))
        expect((await bucket().list({ Prefix: 'current/' })).KeyCount).toBe(0)
      }
    })
  })
}

import { describe, expect, test } from 'vitest'

import { objectsOf, pageOf } from '../../../src/registry/s3/listing-page.ts'

function page(inner: string): Buffer {
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/'
  return Buffer.from(
    `<?xml version="1.0"?>\n<ListBucketResult xmlns="${namespace}">${inner}</ListBucketResult>\n`,
  )
}

function entry(key: string, bytes = '5'): string {
  return (
    `<Contents><Key>${key}</Key><LastModified>2026-11-23T10:00:00.000Z</LastModified>` +
    `<ETag>&quot;abc&quot;</ETag><Size>${bytes}</Size><Owner><ID>x</ID></Owner></Contents>`
  )
}

const LAST = '<IsTruncated>false</IsTruncated>'

describe('a page', () => {
  test('tells its objects, with their keys as they are', () => {
    const given = page(`<Name>b</Name>${LAST}${entry('a/1/x')}${entry('&lt;&#38;&#x1F600;&gt;')}`)
    expect(pageOf(given).next).toBe(undefined)
    expect(objectsOf(pageOf(given))).toEqual([
      { key: 'a/1/x', etag: '"abc"', bytes: 5, modifiedAtMs: Date.UTC(2026, 10, 23, 10) },
      { key: '<&😀>', etag: '"abc"', bytes: 5, modifiedAtMs: Date.UTC(2026, 10, 23, 10) },
    ])
  })

  test('says how it goes on, before or after its objects', () => {
    const more = '<IsTruncated>true</IsTruncated>'
    const token = '<NextContinuationToken>a&amp;b</NextContinuationToken>'
    expect(pageOf(page(more + token + entry('k'))).next).toBe('a&b')
    expect(pageOf(page(entry('k') + token + more)).next).toBe('a&b')
  })

  test('may be empty, and may tell of no ETag', () => {
    expect(objectsOf(pageOf(page(LAST)))).toEqual([])
    const bare = '<Contents><Key>k</Key><Size>0</Size></Contents>'
    expect(objectsOf(pageOf(page(LAST + bare)))).toEqual([
      { key: 'k', etag: '', bytes: 0, modifiedAtMs: NaN },
    ])
  })

  test('differs in nothing but its contents from one that was asked for by another token', () => {
    const one = pageOf(page(`<ContinuationToken>1</ContinuationToken>${LAST}${entry('k')}`))
    const other = pageOf(page(`<ContinuationToken>2</ContinuationToken>${LAST}${entry('k')}`))
    expect(one.contents).toEqual(other.contents)
  })

  test.each([
    ['a web page', Buffer.from('<!DOCTYPE html><html>sign in</html>')],
    ['nothing', Buffer.alloc(0)],
    ['half of one', page(LAST + entry('k')).subarray(0, 150)],
    ['one that does not say whether it is the last', page(entry('k'))],
    ['one that goes on nowhere', page(`<IsTruncated>true</IsTruncated>${entry('k')}`)],
    ['random bytes', Buffer.from([0, 255, 254, 60, 62])],
  ])('is not %s', (_what, bytes) => {
    expect(() => pageOf(bytes)).toThrow('is no S3 server')
  })

  test.each([
    ['no key', '<Contents><Size>1</Size></Contents>'],
    ['no size', '<Contents><Key>k</Key></Contents>'],
    ['a size that is none', entry('k', '-1')],
    ['a size beyond all bounds', entry('k', '9'.repeat(30))],
  ])('has no entry with %s', (_what, bad) => {
    expect(() => objectsOf(pageOf(page(LAST + bad)))).toThrow('an entry of the listing')
  })
})

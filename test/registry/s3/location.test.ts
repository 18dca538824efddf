import { describe, expect, test } from 'vitest'

import { isS3Url, parseS3Url } from '../../../src/registry/s3/location.ts'

describe('the location of a registry', () => {
  test.each([
    ['s3://models', { bucket: 'models', prefix: '', url: 's3://models' }],
    ['s3://models/', { bucket: 'models', prefix: '', url: 's3://models' }],
    ['s3://models/prod', { bucket: 'models', prefix: 'prod/', url: 's3://models/prod' }],
    ['S3://models/a/b//', { bucket: 'models', prefix: 'a/b/', url: 's3://models/a/b' }],
  ])('is read from %s', (text, expected) => {
    expect(isS3Url(text)).toBe(true)
    expect(parseS3Url(text)).toEqual(expected)
  })

  test.each(['s3://', 's3:///prod', 's3://a', 's3://mod els', 's3://b!/x'])(
    'names a bucket, which %s does not',
    (text) => {
      expect(() => parseS3Url(text)).toThrow('with the name of a bucket')
    },
  )

  test.each(['s3://models/a//b', 's3://models/../b', 's3://models/./b', 's3://models/a\u0000b'])(
    'has a plain prefix, which %j has not',
    (text) => {
      expect(() => parseS3Url(text)).toThrow('expected a prefix')
    },
  )

  test.each(['models', './s3://x', 'https://bucket', '/s3'])('is not %s', (text) => {
    expect(isS3Url(text)).toBe(false)
  })
})

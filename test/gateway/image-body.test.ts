import { Buffer } from 'node:buffer'

import { describe, expect, test } from 'vitest'

import { imageOf } from '../../src/gateway/image-body.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

describe('an image in JSON', () => {
  const read = (image: unknown) =>
    imageOf(Buffer.from(JSON.stringify({ image })), 'application/json')

  test.each([0, 1, 2])('is what its base64 says, with %d bytes more', (more) => {
    const image = Buffer.concat([PNG, Buffer.alloc(more, 7)])
    expect(read(image.toString('base64'))).toEqual(image)
  })

  test.each([
    'iVBORw0KGgo=x',
    'iVBORw0KGgoAAA=',
    'iVBORw0KGgoAAA=A',
    'iVBO Rw0KGgo',
    'iVBORw0K\n===',
    'iVBORw0KGgo-',
    'iVBORw0KGgo_',
    'iVBORw0KGg==iVBORw0KGg==',
    '====',
    'é234',
    5,
    null,
  ])('is no other text: %j', (image) => {
    expect(() => read(image)).toThrow('"image" is not a base64 string')
  })
})

describe('an image in a form', () => {
  const form = (boundary: string) =>
    imageOf(
      Buffer.concat([
        Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="image"\r\n\r\n`),
        PNG,
        Buffer.from(`\r\n--${boundary}--\r\n`),
      ]),
      `multipart/form-data; boundary=${boundary}`,
    )

  test('has a boundary of 70 characters at the most, as to look for it takes time', () => {
    expect(form('b'.repeat(70))).toEqual(PNG)
    expect(() => form('b'.repeat(71))).toThrow('the boundary is longer than 70 characters')
  })
})

import { Buffer } from 'node:buffer'

import { describe, expect, test } from 'vitest'

import {
  bytesIn,
  BytesPacker,
  countBytes,
  packBytes,
  packStrings,
  stringsIn,
  unpackBytes,
  unpackStrings,
} from '../../src/domain/tensor-strings.ts'

describe('elements', () => {
  const texts = ['', 'a', 'é中😀', '\u0000', 'x'.repeat(100_000), '']

  test('are packed as their lengths and bytes', () => {
    expect([...packStrings(['é', ''])]).toEqual([2, 0, 0, 0, 0xc3, 0xa9, 0, 0, 0, 0])
    expect(packBytes(texts.map((text) => Buffer.from(text)))).toEqual(packStrings(texts))
    expect(packStrings([])).toHaveLength(0)
  })

  test('come back', () => {
    expect(unpackStrings(packStrings(texts), 'input x')).toEqual(texts)
    expect(unpackBytes(packStrings(texts))).toEqual(texts.map((text) => Buffer.from(text)))
    expect(countBytes(packStrings(texts))).toBe(texts.length)
  })

  test('of both kinds are collected as the memory grows', () => {
    const packer = new BytesPacker()
    for (let i = 0; i < 1000; i++) {
      packer.push(Buffer.from(`bytes ${i}`))
      packer.pushText(`text ${i}`)
    }
    const strings = unpackStrings(packer.data(), 'input x')
    expect(strings).toHaveLength(2000)
    expect(strings.slice(-2)).toEqual(['bytes 999', 'text 999'])
  })
})

describe('unpacking', () => {
  test('looks at an element when it is asked for', () => {
    const data = Buffer.concat([packStrings(['a']), packBytes([Buffer.of(0xff)])])
    const strings = stringsIn(data, 'output y', ', ask for binary data')
    expect(strings.next().value).toBe('a')
    expect(() => strings.next()).toThrow('output y: element 1 is not UTF-8, ask for binary data')
  })

  test.each([
    ['beyond the data', Buffer.of(1, 0, 0, 0)],
    ['in a part of a length', Buffer.of(1, 0, 0)],
  ])('names an element that ends %s', (_where, tail) => {
    const data = Buffer.concat([packStrings(['a']), tail])
    const elements = bytesIn(data)
    expect(elements.next().value).toEqual(Buffer.from('a'))
    expect(() => elements.next()).toThrow('element 1 ends beyond the data')
    expect(() => unpackBytes(data)).toThrow('element 1 ends beyond the data')
    expect(countBytes(data)).toBeUndefined()
  })
})

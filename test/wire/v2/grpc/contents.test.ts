import { Buffer } from 'node:buffer'

import { expect, test } from 'vitest'

import { readContents } from '../../../../src/wire/v2/grpc/contents.ts'

/** Packed elements of one field. */
function packed(field: number, elements: Buffer): Buffer {
  const length: number[] = []
  let rest = elements.length
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128)
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...length, rest]), elements])
}

function read(
  dtype: 'int64' | 'float32' | 'string' | 'bool',
  shape: readonly number[],
  contents: Buffer,
  bytesMax = 1e9,
) {
  const work = readContents({ name: 'x', dtype, shape }, contents, bytesMax)
  let pauses = 0
  for (;;) {
    const step = work.next()
    if (step.done === true) return { data: step.value, pauses }
    pauses++
  }
}

test('small integers that would fill the memory as large ones are refused first', () => {
  const contents = packed(3, Buffer.alloc(1_000_000))
  expect(() => read('int64', [1_000_000], contents, 2_000_000)).toThrow(
    'input x has more than 2000000 bytes: send raw_input_contents',
  )
  // The shape alone takes no memory.
  expect(() => read('int64', [2 ** 40], packed(3, Buffer.alloc(10)), 1000)).toThrow(
    'has 1099511627776 elements, data has 10',
  )
})

test('a long tensor is read with pauses', () => {
  const { data, pauses } = read('int64', [500_000], packed(3, Buffer.alloc(500_000, 1)))
  expect(data.byteLength).toBe(4_000_000)
  expect(Buffer.from(data).readBigInt64LE(3_999_992)).toBe(1n)
  expect(pauses).toBeGreaterThan(4)
})

test('many strings take the memory that they need', () => {
  const element = Buffer.from([0x42, 1, 0x61])
  const contents = Buffer.concat(Array.from({ length: 1000 }, () => element))
  const { data } = read('string', [1000], contents, 2 * contents.length)
  expect(data.byteLength).toBe(5000)
})

test('floats are as they were, whatever they are', () => {
  const elements = Buffer.from([0x01, 0, 0xa0, 0x7f, 0, 0, 0, 0x80])
  expect(read('float32', [2], packed(6, elements)).data).toEqual(elements)
})

test('several packed parts are one', () => {
  const parts = Buffer.concat([packed(1, Buffer.from([1, 0])), packed(1, Buffer.from([2]))])
  expect([...read('bool', [3], parts).data]).toEqual([1, 0, 1])
})

test.each([
  ['a part of a float', packed(6, Buffer.alloc(3)), 'float32'],
  ['an integer without an end', packed(3, Buffer.from([0x80])), 'int64'],
  ['a string beyond the message', Buffer.from([0x42, 9, 1]), 'string'],
] as const)('%s is no message', (_what, contents, dtype) => {
  expect(() => read(dtype, [1], contents)).toThrow(RangeError)
})

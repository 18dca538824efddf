import { describe, expect, test } from 'vitest'

import type { Tensor } from '../../../src/domain/tensor.ts'
import {
  areJoinable,
  batchSizes,
  joinRows,
  rowsOf,
  splitRows,
} from '../../../src/worker/batch/rows.ts'

/** A tensor of bytes, each its own value. */
function tensor(shape: readonly number[], from = 1, dtype: 'uint8' | 'bool' = 'uint8') {
  const count = shape.reduce((product, size) => product * size, 1)
  return { dtype, shape, data: Uint8Array.from({ length: count }, (_, i) => from + i) }
}

const named = (tensors: Readonly<Record<string, Tensor>>) => new Map(Object.entries(tensors))

describe('rows of a request', () => {
  test.each([
    [{ a: tensor([3, 2]), b: tensor([3]) }, 3],
    [{ a: tensor([3, 2]), b: tensor([2]) }, undefined],
    [{ a: tensor([0, 2]) }, undefined],
    [{ a: tensor([]) }, undefined],
  ])('%#', (tensors, rows) => {
    expect(rowsOf(named(tensors))).toBe(rows)
  })
})

describe('requests are joinable', () => {
  const one = { a: tensor([3, 2]), b: tensor([3]) }
  test.each([
    ['which differ in their rows', { a: tensor([1, 2]), b: tensor([1]) }, true],
    ['not in another size', { a: tensor([3, 1]), b: tensor([3]) }, false],
    ['not in their ranks', { a: tensor([3, 2]), b: tensor([3, 1]) }, false],
    ['not in their dtypes', { a: tensor([3, 2]), b: tensor([3], 1, 'bool') }, false],
    ['not in their names', { a: tensor([3, 2]), c: tensor([3]) }, false],
    ['not in how many they are', { a: tensor([3, 2]) }, false],
  ])('%s', (_what, other, joinable) => {
    expect(areJoinable(named(one), named(other))).toBe(joinable)
  })
})

test('what is joined is split again', () => {
  const requests = [
    named({ a: tensor([1, 2], 1), b: tensor([1], 10) }),
    named({ a: tensor([2, 2], 3), b: tensor([2], 20) }),
  ]
  const joined = joinRows(requests, 4)
  expect(joined).toEqual(
    named({
      a: { dtype: 'uint8', shape: [4, 2], data: Uint8Array.of(1, 2, 3, 4, 5, 6, 0, 0) },
      b: { dtype: 'uint8', shape: [4], data: Uint8Array.of(10, 20, 21, 0) },
    }),
  )
  expect(splitRows(joined, [1, 2], 4)).toEqual(requests)
})

test('rows without elements are split, too', () => {
  expect(splitRows(named({ y: tensor([2, 0]) }), [1, 1], 2)).toEqual([
    named({ y: tensor([1, 0]) }),
    named({ y: tensor([1, 0]) }),
  ])
})

test('an output with another number of rows belongs to nobody', () => {
  expect(splitRows(named({ y: tensor([3, 2]) }), [1, 1], 2)).toBeUndefined()
  expect(splitRows(named({ y: tensor([]) }), [1, 1], 2)).toBeUndefined()
})

test.each([
  [2, [1, 2]],
  [4, [1, 4]],
  [32, [1, 4, 16, 32]],
  [1024, [1, 4, 16, 64, 256, 1024]],
])('runs of at most %i rows are filled up to one of %j', (sizeMax, sizes) => {
  expect(batchSizes(sizeMax)).toEqual(sizes)
})

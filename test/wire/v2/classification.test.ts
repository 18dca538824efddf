import { describe, expect, test } from 'vitest'

import type { Tensor } from '../../../src/domain/tensor.ts'
import { unpackStrings } from '../../../src/domain/tensor-strings.ts'
import { tensorOf } from '../../../src/domain/tensor-view.ts'
import { withClassification } from '../../../src/wire/v2/classification.ts'
import { pausesOf } from '../../support/pauses.ts'

function classify(tensor: Tensor, classes = 1) {
  return withClassification(new Map([['y', tensor]]), {
    classesOf: () => classes,
    classesMax: 10,
    labels: undefined,
    isBatch: true,
  })
}

/** The best class of each row, as text. */
function bestOf(tensor: Tensor): string[] {
  const step = classify(tensor).next()
  if (step.done !== true) throw new Error('it pauses')
  return unpackStrings(step.value.get('y')?.data ?? new Uint8Array(), 'output y')
}

describe('a value is what C prints for %f', () => {
  test.each([
    [1 / 128, '0.007812'],
    [3 / 128, '0.023438'],
    [5 / 128, '0.039062'],
    [9 / 128, '0.070312'],
    [-1 / 128, '-0.007812'],
    [-3 / 128, '-0.023438'],
    [1000 + 1 / 128, '1000.007812'],
    [0, '0.000000'],
    [-0, '-0.000000'],
    [-1e-9, '-0.000000'],
    [0.0000005, '0.000000'],
    [0.0000015, '0.000002'],
    [1 / 64, '0.015625'],
    [2 ** 53 + 2, '9007199254740994.000000'],
    [1e22, '10000000000000000000000.000000'],
    [Infinity, 'inf'],
    [-Infinity, '-inf'],
    [NaN, 'nan'],
  ])('%d is %s', (value, text) => {
    expect(bestOf(tensorOf('float64', [1, 1], [value]))).toEqual([`${text}:0`])
  })
})

test('others have a turn each 8192 elements, whatever the rows', () => {
  const zeros = (...shape: [number, number]): Tensor => ({
    dtype: 'float32',
    shape,
    data: new Uint8Array(4 * shape[0] * shape[1]),
  })
  const pauses = Math.floor(999_000 / 8192)
  expect(pausesOf(classify(zeros(999, 1000)))).toBe(pauses)
  expect(pausesOf(classify(zeros(999_000, 1)))).toBe(pauses)
  expect(pausesOf(classify(zeros(1, 999_000)))).toBe(pauses)
  expect(pausesOf(classify(zeros(8, 1000)))).toBe(0)
})

import { expect, test } from 'vitest'

import { type Dimension, isBatchable, isBatched } from '../../src/domain/signature.ts'

const spec = (shape: readonly Dimension[] | null) => ({
  name: 'x',
  dtype: 'float32' as const,
  shape,
})

test.each<[readonly Dimension[] | null, boolean, boolean]>([
  [['batch', 4], true, true],
  [[null, 4], true, true],
  [['rows', 'cols'], false, true],
  [['batch', 'cols'], true, true],
  [[null, null], false, true],
  [[1, 4], false, false],
  [[], false, false],
  [null, false, false],
])('%j looks like a batch: %j, can be one: %j', (shape, looks, can) => {
  const signature = { inputs: [spec(['batch', 4])], outputs: [spec(shape)] }
  expect(isBatched(signature)).toBe(looks)
  expect(isBatchable(signature)).toBe(can)
})

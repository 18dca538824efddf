import { expect, test } from 'vitest'

import {
  agreementOf,
  NOTHING_COMPARED,
  totalVariation,
  withComparison,
  worstClasses,
} from '../../src/rollout/shadow-summary.ts'

const summaryOf = (pairs: readonly (readonly [number, number])[]) =>
  pairs.reduce(
    (summary, [stableClass, candidateClass]) =>
      withComparison(summary, { stableClass, candidateClass, distance: 0.1 }),
    NOTHING_COMPARED,
  )

test('counts agreement, distance and the classes that differ most', () => {
  const summary = summaryOf([
    [1, 1],
    [1, 2],
    [3, 2],
    [3, 1],
    [4, 4],
  ])
  expect(summary).toMatchObject({ compared: 5, agreed: 2 })
  expect(summary.distance).toBeCloseTo(0.5, 12)
  expect(agreementOf(summary)).toBe(0.4)
  expect(worstClasses(summary, 1)).toEqual([{ class: 3, compared: 2, disagreed: 2 }])
  expect(worstClasses(summary, 9)).toHaveLength(2)
})

test('keeps a bounded number of classes, and all of them in the totals', () => {
  const summary = summaryOf(Array.from({ length: 300 }, (_, index) => [index, 0] as const))
  expect(Object.keys(summary.classes)).toHaveLength(100)
  expect(summary).toMatchObject({ compared: 300, agreed: 1 })
})

test('nothing compared is nothing seen to differ', () => {
  expect(agreementOf(NOTHING_COMPARED)).toBe(1)
})

test('the distance of scores is 0 to 1', () => {
  expect(totalVariation([0.5, 0.3, 0.2], [0.5, 0.3, 0.2])).toBe(0)
  expect(totalVariation([1, 0], [0, 1])).toBe(1)
  expect(totalVariation([0.6, 0.4], new Float32Array([0.4, 0.6]))).toBeCloseTo(0.2, 6)
})

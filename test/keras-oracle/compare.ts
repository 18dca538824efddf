import type { Output } from './run-onnx.ts'

/** The largest difference as a part of the largest expected value; Infinity where one is NaN. */
export function relativeDifference(actual: Output, expected: Output): number {
  let difference = 0
  let largest = 1e-6
  for (const [index, value] of expected.values.entries()) {
    const other = actual.values[index] ?? Number.NaN
    if (Object.is(value, other)) continue
    const apart = Math.abs(other - value)
    if (Number.isNaN(apart)) return Infinity
    difference = Math.max(difference, apart)
    largest = Math.max(largest, Math.abs(value))
  }
  return difference / largest
}

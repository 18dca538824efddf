import { expect, it } from 'vitest'

import { float16Bits } from '../../../src/worker/image/convert.ts'

/** The number that half-precision bits stand for. */
function valueOf(bits: number): number {
  const exponent = (bits >> 10) & 0x1f
  const mantissa = bits & 0x3ff
  const magnitude = exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25)
  return bits & 0x8000 ? -magnitude : magnitude
}

function halfOf(value: number): number {
  return float16Bits(new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0)
}

it('every finite half converts to itself, and between two neighbours the nearer wins', () => {
  const wrong: number[] = []
  for (let bits = 0; bits < 0x7c00; bits++) {
    const value = valueOf(bits)
    const next = valueOf(bits + 1)
    const middle = (value + next) / 2 // exact in single precision
    const step = Math.max(middle * 2 ** -23, 2 ** -40)
    const even = bits % 2 === 0 ? bits : bits + 1
    const right =
      halfOf(value) === bits &&
      halfOf(-value) === (bits | 0x8000) &&
      halfOf(middle) === even &&
      halfOf(-middle) === (even | 0x8000) &&
      halfOf(middle - step) === bits &&
      halfOf(middle + step) === bits + 1
    if (!right) wrong.push(bits)
  }
  expect(wrong).toEqual([])
})

it('what is beyond the halves becomes infinity, zero or NaN', () => {
  expect(halfOf(65_519.996)).toBe(0x7bff)
  expect(halfOf(65_520)).toBe(0x7c00)
  expect(halfOf(-1e30)).toBe(0xfc00)
  expect(halfOf(Infinity)).toBe(0x7c00)
  expect(halfOf(2 ** -25)).toBe(0)
  expect(halfOf(-(2 ** -140))).toBe(0x8000)
  expect(halfOf(NaN) & 0x7fff).toBeGreaterThan(0x7c00)
})

import { describe, expect, test } from 'vitest'

import {
  logMeanExp,
  logRatioFactor,
  WORSE_RATIOS,
  type BlockCounts,
} from '../../../src/rollout/judge/ratio-test.ts'
import { logTwoByTwo } from '../../../src/rollout/judge/two-by-two.ts'
import { zeroErrorUpperBound } from '../../../src/rollout/judge/zero-error-bound.ts'
import {
  bernoulliInterval,
  bestRho,
  dkwHalfWidth,
  logMultinomialFactor,
  msprt,
  multinomialP,
  normalMixtureBound,
  normalMixtureLog,
} from '../../support/sequential-tests.ts'

const logE = (counts: BlockCounts, r: number) =>
  logMeanExp(WORSE_RATIOS.map((g) => logRatioFactor(counts, g, r)))

const WORSE_CANARY = { yc: 20, nc: 1000, ys: 50, ns: 9000 }

describe('the ratio test', () => {
  test.each([
    [WORSE_CANARY, 1, 7.799668],
    [WORSE_CANARY, 1.5, 3.387017],
    [{ yc: 5, nc: 100, ys: 5, ns: 900 }, 1, 3.939139],
    [{ yc: 0, nc: 1000, ys: 45, ns: 9000 }, 1, -2.734547],
  ])('%o at r = %d', (counts, r, expected) => {
    expect(logE(counts, r)).toBeCloseTo(expected, 6)
  })

  test('inverted in r it bounds the relative risk from below', () => {
    let [low, high] = [1, 4]
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2
      if (logE(WORSE_CANARY, middle) >= Math.log(1 / 0.05)) low = middle
      else high = middle
    }
    expect(low).toBeCloseTo(1.5665, 4)
  })
})

describe('the 2×2 test', () => {
  test('reproduces the reference value', () => {
    const counts = { yc: 4, nc: 100, ys: 8, ns: 900 }
    expect(logTwoByTwo(counts, 0.05, 0.01)).toBeCloseTo(2.440766, 6)
  })

  test('is the multinomial one of two classes', () => {
    const counts = { yc: 61, nc: 100, ys: 410, ns: 900 }
    expect(logTwoByTwo(counts, 0.6, 0.45)).toBeCloseTo(
      logMultinomialFactor([0.6, 0.4], [0.45, 0.55], [61, 39], [410, 490]),
      9,
    )
  })

  test.each([1, 1.25, 2])('at r = %d its null is the nearest one', (r) => {
    const [nc, ns, pc, ps] = [100, 900, 0.7, 0.3]
    const counts = { yc: 70, nc, ys: 270, ns }
    // At the expected counts the factor is nc·KL(pc‖r·x) + ns·KL(ps‖x), least at the nearest x.
    const kl = (p: number, q: number) => p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q))
    let least = Infinity
    for (let x = 0.001; x < 1 / r; x += 0.00001) {
      least = Math.min(least, nc * kl(pc, r * x) + ns * kl(ps, x))
    }
    expect(logTwoByTwo(counts, pc, ps, r)).toBeCloseTo(least, 5)
  })

  test('says nothing when its alternative is none', () => {
    const counts = { yc: 1, nc: 10, ys: 10, ns: 100 }
    expect(logTwoByTwo(counts, 0.1, 0.1)).toBeCloseTo(0, 12)
    expect(logTwoByTwo(counts, 0.11, 0.1, 1.25)).toBe(0)
    expect(logTwoByTwo({ ...counts, nc: 0 }, 0.2, 0.1)).toBe(0)
  })
})

test.each([
  [500, 0.018256],
  [2000, 0.005285],
])('no error in %d requests', (n, expected) => {
  expect(zeroErrorUpperBound(n, 0.05)).toBeCloseTo(expected, 6)
})

/** The arithmetic around the judge against values that other programs published. */
describe('published tests', () => {
  test('multinomial counts against fixed shares', () => {
    expect(multinomialP([0.1, 0.4, 0.5], [40, 129, 233])).toBeCloseTo(0.0484559, 7)
    expect(multinomialP([0.8, 0.2], [148, 62])).toBeCloseTo(0.0455796, 7)
  })

  test('time-uniform DKW', () => {
    expect(dkwHalfWidth(1000, 100)).toBeCloseTo(0.08204769, 6)
  })

  test('normal mixture', () => {
    const rho = bestRho(100, 0.05)
    expect(rho).toBeCloseTo(12.60056, 5)
    expect(normalMixtureLog(10, 100, rho)).toBeCloseTo(-0.6510052, 6)
    expect(normalMixtureBound(100, rho, 0.05)).toBeCloseTo(30.35209, 5)
  })

  test('confidence sequence of a share', () => {
    const [lower, upper] = bernoulliInterval(700, 1000, 0.05, 100)
    expect(Math.abs(lower - 0.651629)).toBeLessThan(1e-6)
    expect(Math.abs(upper - 0.745949)).toBeLessThan(1e-6)
  })

  test('multinomial block', () => {
    const logE = logMultinomialFactor(
      [0.5, 0.3, 0.2],
      [0.6, 0.3, 0.1],
      [45, 30, 25],
      [545, 265, 90],
    )
    expect(logE).toBeCloseTo(8.079739, 6)
  })

  test('mSPRT', () => {
    expect(msprt(1000, 0.15, 1, 0.01)).toBeCloseTo(44.32817, 5)
  })
})

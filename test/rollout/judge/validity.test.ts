import { describe, expect, test } from 'vitest'

import {
  BETTER_RATIOS,
  logRatioFactor,
  WORSE_RATIOS,
} from '../../../src/rollout/judge/ratio-test.ts'
import { logTwoByTwo } from '../../../src/rollout/judge/two-by-two.ts'
import { logGamma } from '../../support/sequential-tests.ts'

/**
 * What makes an e-process one: under the hypothesis that is tested, the expectation of every
 * block's factor is at most 1. Summed up exactly over all outcomes of a block.
 */
const logChoose = (n: number, k: number) => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)

const binomial = (n: number, k: number, p: number) =>
  Math.exp(logChoose(n, k) + (k === 0 ? 0 : k * Math.log(p)) + (n - k) * Math.log1p(-p))

function expectation(
  [nc, thetaC]: readonly [number, number],
  [ns, thetaS]: readonly [number, number],
  factor: (yc: number, ys: number) => number,
): number {
  let sum = 0
  for (let yc = 0; yc <= nc; yc++) {
    for (let ys = 0; ys <= ns; ys++) {
      sum += binomial(nc, yc, thetaC) * binomial(ns, ys, thetaS) * factor(yc, ys)
    }
  }
  return sum
}

const SIZES = [
  [1, 1],
  [3, 60],
  [20, 20],
  [40, 10],
] as const
const RATES = [0.001, 0.05, 0.3, 0.7]
const LIMIT = 1 + 1e-9

describe('the ratio test', () => {
  test.each([1, 1.25, 2])('at the tolerated ratio %d', (r) => {
    for (const [nc, ns] of SIZES) {
      for (const theta of RATES.filter((rate) => rate * r <= 1)) {
        for (const g of [...WORSE_RATIOS, ...BETTER_RATIOS]) {
          const e = expectation([nc, r * theta], [ns, theta], (yc, ys) =>
            Math.exp(logRatioFactor({ yc, nc, ys, ns }, g, r)),
          )
          expect(e).toBeLessThanOrEqual(LIMIT)
        }
      }
    }
  })

  test('when chance alone decides who gets which request, however failures cluster', () => {
    // k of n requests fail whoever answers them; nc of the n go to the candidate.
    for (const [nc, ns] of SIZES) {
      const n = nc + ns
      for (let k = 0; k <= n; k++) {
        for (const g of WORSE_RATIOS) {
          let e = 0
          for (let yc = Math.max(0, k - ns); yc <= Math.min(k, nc); yc++) {
            const p = Math.exp(logChoose(nc, yc) + logChoose(ns, k - yc) - logChoose(n, k))
            e += p * Math.exp(logRatioFactor({ yc, nc, ys: k - yc, ns }, g, 1))
          }
          expect(e).toBeLessThanOrEqual(LIMIT)
        }
      }
    }
  })

  test('of copies, whose failures come in pairs', () => {
    for (const g of WORSE_RATIOS) {
      const pair = Math.exp(logRatioFactor({ yc: 1, nc: 1, ys: 1, ns: 1 }, g, 1))
      expect(pair).toBeLessThanOrEqual(1)
    }
  })

  test('with the configured weight in place of the traffic it would be wrong', () => {
    // 12 % of the requests come where 10 % were meant to: the factor's expectation is above 1.
    const e = expectation([12, 0.05], [88, 0.05], (yc, ys) =>
      Math.exp(yc * Math.log(1.5) + (yc + ys) * Math.log(1 / (1.5 * 0.1 + 0.9))),
    )
    expect(e).toBeGreaterThan(1)
  })
})

test.each([1, 1.25])('the 2×2 test at the tolerated ratio %d', (r) => {
  for (const [nc, ns] of SIZES) {
    for (const theta of RATES.filter((rate) => rate * r < 1)) {
      for (const [pc, ps] of [
        [0.5, 0.3],
        [0.9, 0.6],
        [0.4, 0.1],
      ] as const) {
        const e = expectation([nc, r * theta], [ns, theta], (yc, ys) =>
          Math.exp(logTwoByTwo({ yc, nc, ys, ns }, pc, ps, r)),
        )
        expect(e).toBeLessThanOrEqual(LIMIT)
      }
    }
  }
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, describe, expect, test } from 'vitest'

import { clopperPearson } from '../../../bench/simulate/clopper-pearson.ts'
import { readOptions } from '../../../bench/simulate/options.ts'
import { plotOf } from '../../../bench/simulate/plot.ts'
import { Random } from '../../../bench/simulate/random.ts'
import { simulateRun } from '../../../bench/simulate/run.ts'
import { readScenario } from '../../../bench/simulate/scenario.ts'
import { exceedance, quantileMs } from '../../../bench/simulate/service-time.ts'
import { summarise } from '../../../bench/simulate/summary.ts'

const dir = mkdtempSync(path.join(tmpdir(), 'cutover-simulate-'))
afterAll(() => rmSync(dir, { recursive: true }))

const GOOD = {
  description: 'a test',
  candidate: 'alike',
  traffic: { requestsPerSecond: 20 },
  stable: { errorRate: 0.01 },
  model: { rollout: { steps: [{ weight: 25, minRequests: 100, minDuration: '1m' }] } },
}

function scenarioOf(more: object) {
  const file = path.join(dir, 'scenario.json')
  writeFileSync(file, JSON.stringify({ ...GOOD, ...more }))
  return readScenario(file)
}

function summaryOf(more: object, runs: number) {
  const scenario = scenarioOf(more)
  const results = Array.from({ length: runs }, (_, index) => simulateRun(scenario, 1, index))
  const summary = summarise(scenario, 1, results)
  return { summary, cutover: summary.rules[0] }
}

describe('a simulated rollout', () => {
  test('of an equal candidate is promoted', () => {
    expect(summaryOf({}, 40).cutover).toMatchObject({ rolledBack: 0, promoted: 1 })
  })

  test('of a worse one is rolled back, by the metric that is worse', () => {
    const { cutover } = summaryOf({ candidate: 'worse', canary: { invalidRate: 0.3 } }, 20)
    expect(cutover).toMatchObject({ rolledBack: 1, metrics: { invalid: 20 } })
    expect(cutover?.requestsMedian).toBeLessThan(60)
  })

  test('goes on after restarts, with its evidence', () => {
    const restarts = { everyMean: '20s' }
    const { cutover } = summaryOf({ candidate: 'worse', restarts, canary: { errorRate: 0.3 } }, 20)
    expect(cutover).toMatchObject({ rolledBack: 1 })
  })

  test('without traffic is held', () => {
    const traffic = { requestsPerSecond: 0 }
    const { cutover } = summaryOf({ traffic, maxDuration: '10m' }, 3)
    expect(cutover).toMatchObject({ held: 1, promoted: 0, rolledBack: 0 })
  })

  test('is the same for the same seed', () => {
    const scenario = scenarioOf({
      bursts: { scope: 'both', everyMean: '1m', lastMean: '5s', errorRate: 0.3 },
    })
    expect(simulateRun(scenario, 7, 3)).toEqual(simulateRun(scenario, 7, 3))
    expect(simulateRun(scenario, 8, 3)).not.toEqual(simulateRun(scenario, 7, 3))
  })

  test('can be plotted', () => {
    const { summary } = summaryOf({ candidate: 'worse', canary: { errorRate: 0.3 } }, 10)
    expect(plotOf(summary)).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
  })
})

describe('a scenario', () => {
  test.each([
    [{ canary: { errorRat: 1 } }, 'scenario.json: canary: '],
    [{ traffic: {} }, 'scenario.json: traffic.requestsPerSecond: expected a number, {"mean"'],
    [{ candidate: 'good' }, 'scenario.json: candidate'],
    [{ maxDuration: 5 }, 'scenario.json: maxDuration: expected a duration'],
    [{ model: { rollout: { steps: [] } } }, 'scenario.json: model: rollout.steps: expected'],
  ])('%j is refused', (more, sentence) => {
    expect(() => scenarioOf(more)).toThrow(sentence)
  })

  test('of the built-in ones can be read, each of them', () => {
    const options = readOptions([])
    if (typeof options === 'string') throw new Error(options)
    expect(options.files.length).toBeGreaterThan(20)
    for (const file of options.files) expect(readScenario(file).description).not.toBe('')
  })
})

test('options that are not usable are refused', () => {
  expect(() => readOptions(['--runs', 'many'])).toThrow(
    '--runs: many is not a positive whole number',
  )
  expect(() => readOptions(['--sed', '1'])).toThrow('--sed')
})

test.each([
  [0, 100, 0, 0.0362],
  [5, 100, 0.0164, 0.1128],
  [100, 100, 0.9638, 1],
])('the exact interval of %d in %d', (hits, trials, lower, upper) => {
  const interval = clopperPearson(hits, trials)
  expect(interval[0]).toBeCloseTo(lower, 4)
  expect(interval[1]).toBeCloseTo(upper, 4)
})

describe('draws', () => {
  const random = new Random(1)
  const moments = (draw: () => number) => {
    const values = Array.from({ length: 20_000 }, draw)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return { mean, variance: values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length }
  }

  test.each([
    ['binomial', () => random.binomial(1000, 0.7), 700, 210],
    ['small binomial', () => random.binomial(20, 0.005), 0.1, 0.0995],
    ['poisson', () => random.poisson(450), 450, 450],
    ['normal', () => random.normal(), 0, 1],
    ['exponential', () => random.exponential(3), 3, 9],
  ])('%s', (_, draw, mean, variance) => {
    const seen = moments(draw)
    expect(Math.abs(seen.mean - mean)).toBeLessThan(5 * Math.sqrt(variance / 20_000))
    expect(seen.variance / variance).toBeGreaterThan(0.9)
    expect(seen.variance / variance).toBeLessThan(1.1)
  })

  test('of several kinds sum up', () => {
    const drawn = random.multinomial(1000, [0.5, 0.3, 0.2])
    expect(drawn.reduce((sum, count) => sum + count, 0)).toBe(1000)
  })
})

test('service times exceed their quantile by what is left', () => {
  const { stable } = scenarioOf({ stable: { latency: { slowShare: 0.1, slowFactor: 5 } } })
  expect(exceedance(stable, 1, quantileMs(stable, 0.99))).toBeCloseTo(0.01, 6)
})

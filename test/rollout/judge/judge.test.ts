import { describe, expect, test } from 'vitest'

import type { Block, Evidence } from '../../../src/domain/evidence.ts'
import { DEFAULT_POLICY, type Metric } from '../../../src/domain/rollout-policy.ts'
import { isBlockComplete } from '../../../src/rollout/judge/block.ts'
import {
  freezeReference,
  NO_EVIDENCE,
  withBlock,
  withCrashes,
} from '../../../src/rollout/judge/evidence.ts'
import { judge } from '../../../src/rollout/judge/verdict.ts'
import { arm, block } from '../../support/blocks.ts'

const policy = DEFAULT_POLICY

const after = (...blocks: readonly Block[]): Evidence =>
  blocks.reduce((evidence, block) => withBlock(evidence, block, policy.judge), NO_EVIDENCE)

const times = (count: number, block: Block) => after(...Array.from({ length: count }, () => block))

function verdictOf(metric: Metric, evidence: Evidence) {
  const found = judge(evidence, policy, undefined).metrics.find((each) => each.metric === metric)
  if (found === undefined) throw new Error(`no verdict of ${metric}`)
  return found
}

describe('the verdict', () => {
  test('of no data is inconclusive in everything', () => {
    const verdict = judge(NO_EVIDENCE, policy, undefined)
    expect(verdict.outcome).toBe('inconclusive')
    expect(verdict.metrics.map(({ outcome }) => outcome)).toEqual(Array(5).fill('inconclusive'))
    expect(verdict.sentence).toBe('no requests to compare yet')
  })

  test('names the metric, both rates, the requests and the evidence', () => {
    const verdict = judge(
      times(10, block(arm(20, { errors: 2 }), arm(380, { errors: 2 }))),
      policy,
      undefined,
    )
    expect(verdict.outcome).toBe('fail')
    expect(verdict.sentence).toMatch(
      /^errors 10\.0 % vs 0\.5 % after 200 canary requests \(evidence 10\^\d+ > 167\)$/,
    )
  })

  test('shares out alpha: 1/threshold sums up to it', () => {
    const { metrics } = judge(NO_EVIDENCE, policy, undefined)
    expect(metrics.reduce((sum, { threshold }) => sum + 1 / threshold, 0)).toBeCloseTo(0.01, 12)
    const fewer = { ...policy.judge, latency: { ...policy.judge.latency, enabled: false } }
    const rest = judge(NO_EVIDENCE, { ...policy, judge: fewer }, undefined).metrics
    expect(rest.map(({ metric }) => metric)).not.toContain('latency')
    expect(rest.reduce((sum, { threshold }) => sum + 1 / threshold, 0)).toBeCloseTo(0.01, 12)
  })

  test('is not moved by traffic that only one version has', () => {
    const evidence = times(50, block(arm(0), arm(100, { errors: 50 })))
    expect(verdictOf('errors', evidence).logEvidence).toBeCloseTo(0, 9)
  })

  test('compares block by block: a ramp under a drift shows no difference', () => {
    // Errors rise tenfold while the weight rises; in each block both versions are alike.
    const calm = block(arm(100, { errors: 1 }), arm(1900, { errors: 19 }))
    const stormy = block(arm(1000, { errors: 100 }), arm(1000, { errors: 100 }), { weight: 50 })
    const verdict = verdictOf('errors', after(calm, calm, stormy, stormy))
    expect(verdict.logEvidence).toBeLessThan(0)
    // What pooling would have seen: 9.2 % against 4.1 %.
    expect(verdict.canary.bad / verdict.canary.requests).toBeCloseTo(0.0918, 3)
    expect(verdict.stable.bad / verdict.stable.requests).toBeCloseTo(0.041, 3)
  })

  test('sees invalid outputs that the stable version never has', () => {
    const evidence = times(3, block(arm(10, { invalid: 3 }), arm(190)))
    expect(verdictOf('invalid', evidence).outcome).toBe('fail')
    expect(judge(evidence, policy, undefined).sentence).toMatch(
      /^invalid outputs 30\.0 % vs 0\.0 %/,
    )
  })

  test('survives JSON', () => {
    const evidence = times(
      5,
      block(arm(20, { errors: 1, classes: [9, 11] }), arm(380, { classes: [300, 80] })),
    )
    expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence)
  })
})

describe('latency', () => {
  const slower = (requests: number, ...slower: number[]) => ({ single: { requests, slower } })

  test('fails at the edge that is exceeded', () => {
    const one = block(
      arm(20, { latency: slower(20, 10, 2, 2) }),
      arm(400, { latency: slower(400, 200, 40, 4) }),
    )
    const verdict = verdictOf('latency', times(10, one))
    expect(verdict).toMatchObject({ outcome: 'fail', detail: 'p99' })
    expect(verdict.canary).toEqual({ bad: 20, requests: 200 })
  })

  test('compares within a stratum alone', () => {
    // The candidate's requests run beside others more often, which is slow for both versions.
    const latency = (alone: number, shared: number) => ({
      alone: { requests: alone, slower: [0, 0, 0] },
      shared: { requests: shared, slower: [shared, shared, shared] },
    })
    const one = block(
      arm(50, { latency: latency(10, 40) }),
      arm(900, { latency: latency(880, 20) }),
    )
    expect(verdictOf('latency', times(30, one)).logEvidence).toBeLessThan(0)
  })

  test('keeps its power where the base rate is high', () => {
    // 90 % against 50 % slower than the median.
    const one = block(
      arm(10, { latency: slower(10, 9, 1, 0) }),
      arm(190, { latency: slower(190, 95, 19, 2) }),
    )
    const verdict = verdictOf('latency', times(15, one))
    expect(verdict).toMatchObject({ outcome: 'fail', detail: 'p50' })
  })

  test('takes its edges from the stable version, and from enough of it', () => {
    const times = Array.from({ length: 1000 }, (_, index) => index + 1)
    const { latencyEdgesMs } = freezeReference(
      { single: times, shared: times.slice(0, 99) },
      new Map(),
      policy.judge,
    )
    expect(latencyEdgesMs).toEqual({ single: [750, 1350, 1485] })
  })
})

describe('the mix of classes', () => {
  const reference = freezeReference(
    {},
    new Map([
      [7, 60],
      [3, 30],
      [1, 10],
    ]),
    {
      ...policy.judge,
      classes: { ...policy.judge.classes, top: 2 },
    },
  )

  test('follows the most frequent classes', () => {
    expect(reference.classes).toEqual([7, 3])
  })

  test.each([
    [[2, 6, 12], 'other classes more often'],
    [[5, 14, 1], 'class 3 more often'],
    [[1, 13, 6], 'class 7 less often'],
  ])('%j of 20: %s', (classes, detail) => {
    const one = block(arm(20, { classes }), arm(380, { classes: [228, 114, 38] }))
    const { metrics } = judge(times(40, one), policy, reference)
    const verdict = metrics.find(({ metric }) => metric === 'classes')
    expect(verdict).toMatchObject({ outcome: 'fail', detail, action: 'pause' })
  })
})

describe('crashes', () => {
  test('three at 5 % with none of the stable version are enough', () => {
    const crashed = (canary: number, stable: number) =>
      verdictOf('crashes', withCrashes(NO_EVIDENCE, { canary, stable }, 5)).outcome
    expect(crashed(2, 0)).toBe('inconclusive')
    expect(crashed(3, 0)).toBe('fail')
    expect(crashed(3, 20)).toBe('inconclusive')
  })

  test('at half of the traffic it takes more', () => {
    const crashed = (canary: number) =>
      verdictOf('crashes', withCrashes(NO_EVIDENCE, { canary, stable: 0 }, 50)).outcome
    expect(crashed(3)).toBe('inconclusive')
    expect(crashed(12)).toBe('fail')
  })
})

describe('shown to be no worse', () => {
  const isShown = (evidence: Evidence) => judge(evidence, policy, undefined).notWorse.isShown

  test('by the ratio of errors', () => {
    expect(isShown(times(10, block(arm(200, { errors: 2 }), arm(1800, { errors: 36 }))))).toBe(true)
    expect(isShown(times(10, block(arm(200, { errors: 8 }), arm(1800, { errors: 36 }))))).toBe(
      false,
    )
  })

  test('by many requests without an error', () => {
    expect(isShown(times(50, block(arm(20), arm(180))))).toBe(false)
    expect(isShown(times(70, block(arm(20), arm(180))))).toBe(true)
  })
})

describe('the end of a block', () => {
  test.each([
    [{ elapsedMs: 4_999, requests: 1e6 }, 5, false],
    [{ elapsedMs: 5_000, requests: 79 }, 5, false],
    [{ elapsedMs: 5_000, requests: 80 }, 5, true],
    [{ elapsedMs: 5_000, requests: 80 }, 95, true],
    [{ elapsedMs: 5_000, requests: 7 }, 50, false],
    [{ elapsedMs: 9e9, requests: 3 }, 0, false],
    [{ elapsedMs: 5_000, requests: 4 }, 100, true],
  ])('%o at %d %%: %s', (seen, weight, expected) => {
    expect(isBlockComplete(seen, weight, 5_000)).toBe(expected)
  })
})

import { describe, expect, test } from 'vitest'

import type { ArmCounts, Place } from '../../src/domain/evidence.ts'
import { DEFAULT_POLICY } from '../../src/domain/rollout-policy.ts'
import { BlockRecorder, type Outcome } from '../../src/rollout/block-recorder.ts'
import { ReferenceSampler } from '../../src/rollout/reference-sampler.ts'

const reference = { latencyEdgesMs: { engine: [10, 20, 30] }, classes: [4, 2] }
const recorder = () => new BlockRecorder({ trial: 't', weight: 5, reference, startedMs: 1_000 })

const answered = (serviceMs: number, classIndex = 4): Outcome => ({
  kind: 'answered',
  place: 'single',
  serviceMs,
  classIndex,
})

describe('a block', () => {
  test('counts what its requests did', () => {
    const block = recorder()
    const outcomes: Outcome[] = [
      answered(5),
      answered(25, 2),
      answered(99, 7),
      { kind: 'invalid' },
      { kind: 'failed' },
      { kind: 'failed', ran: { place: 'single', serviceMs: 25 } },
      { kind: 'excused' },
      { kind: 'answered', place: 'alone', serviceMs: 1 },
    ]
    for (const outcome of outcomes) block.begin('canary', 1_000)(outcome)
    const isCold = true
    block.begin('canary', 1_000, isCold)(answered(99, 7))
    block.begin('stable', 1_000)(answered(1))
    block.close(6_000)
    expect(block.block).toEqual({
      trial: 't',
      weight: 5,
      durationMs: 5_000,
      canary: {
        requests: 8,
        errors: 2,
        invalid: 1,
        latency: { engine: { requests: 4, slower: [3, 3, 1] } },
        classes: [1, 1, 2],
      },
      stable: {
        requests: 1,
        errors: 0,
        invalid: 0,
        latency: { engine: { requests: 1, slower: [0, 0, 0] } },
        classes: [1, 0, 0],
      },
    })
  })

  test('is handed over after its slowest request', () => {
    const block = recorder()
    const end = block.begin('canary', 1_000)
    block.close(6_000)
    block.close(9_000)
    expect(block.block).toBeUndefined()
    end({ kind: 'failed' })
    expect(block.block).toMatchObject({ durationMs: 5_000, canary: { requests: 1, errors: 1 } })
  })

  test('is complete by the clock and by what was dispatched, whatever came of it', () => {
    const block = recorder()
    for (let i = 0; i < 80; i++) block.begin('stable', 1_000)
    expect(block.isComplete(5_999, 5_000)).toBe(false)
    expect(block.isComplete(6_000, 5_000)).toBe(true)
  })

  test('lasts for as long as requests came: a long pause counts for a minute', () => {
    const block = recorder()
    const hour = 3_600_000
    for (const atMs of [1_000, 3_000, hour, hour + 1_000])
      block.begin('stable', atMs)({ kind: 'excused' })
    block.close(2 * hour)
    expect(block.block?.durationMs).toBe(2_000 + 60_000 + 1_000 + 60_000)
  })

  test.each([
    [5, { engine: 2 }, { engine: 2, alone: 1 }],
    [50, { engine: 2 }, { engine: 2, alone: 1 }],
    // With more than half of the traffic a version shares an engine more often, however fast it is.
    [51, { shared: 2 }, { single: 2, alone: 1 }],
  ])('at %i %% compares service times of %j with %j', (weight, canary, stable) => {
    const edges = [10, 20, 30]
    const latencyEdgesMs = { alone: edges, single: edges, shared: edges, engine: edges }
    const block = new BlockRecorder({
      trial: 't',
      weight,
      reference: { latencyEdgesMs, classes: [] },
      startedMs: 0,
    })
    const ran = (place: Place, serviceMs: number) =>
      ({ kind: 'answered', place, serviceMs }) as const
    // A slow version's requests meet in an engine.
    for (let i = 0; i < 2; i++) block.begin('canary', 1)(ran('shared', 99))
    for (let i = 0; i < 2; i++) block.begin('stable', 1)(ran('single', 1))
    block.begin('stable', 1)(ran('alone', 1))
    block.close(2)
    const requestsOf = (arm: ArmCounts | undefined) =>
      Object.fromEntries(
        Object.entries(arm?.latency ?? {}).map(([stratum, { requests }]) => [stratum, requests]),
      )
    expect(requestsOf(block.block?.canary)).toEqual(canary)
    expect(requestsOf(block.block?.stable)).toEqual(stable)
  })

  test('without a reference counts errors all the same', () => {
    const block = new BlockRecorder({ trial: 't', weight: 5, reference: null, startedMs: 0 })
    block.begin('canary', 1_000)(answered(5))
    block.begin('canary', 1_000)({ kind: 'failed' })
    block.close(1)
    expect(block.block?.canary).toEqual({
      requests: 2,
      errors: 1,
      invalid: 0,
      latency: {},
      classes: [],
    })
  })
})

describe('the reference', () => {
  test('needs enough of a version, and takes the newest', () => {
    const sampler = new ReferenceSampler()
    for (let i = 0; i < 99; i++) sampler.add(answered(1_000))
    sampler.add({ kind: 'failed' })
    expect(sampler.reference(DEFAULT_POLICY.judge)).toBeUndefined()
    for (let i = 0; i < 2_000; i++) sampler.add(answered(i % 100, i % 10 === 0 ? 3 : 8))
    expect(sampler.reference(DEFAULT_POLICY.judge)).toEqual({
      latencyEdgesMs: {
        single: [49 * 1.5, 89 * 1.5, 98 * 1.5],
        engine: [49 * 1.5, 89 * 1.5, 98 * 1.5],
      },
      classes: [8, 3, 4],
    })
  })

  test('counts a bounded number of classes', () => {
    const sampler = new ReferenceSampler()
    for (let i = 0; i < 5_000; i++) sampler.add(answered(1, i))
    const classes = { ...DEFAULT_POLICY.judge.classes, top: 20 }
    expect(sampler.reference({ ...DEFAULT_POLICY.judge, classes })?.classes).toHaveLength(20)
  })
})

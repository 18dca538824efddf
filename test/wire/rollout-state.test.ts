import { describe, expect, test } from 'vitest'

import type { Phase } from '../../src/domain/rollout.ts'
import { encodeRolloutState, parseRolloutState } from '../../src/wire/rollout-state.ts'
import { RolloutBench } from '../support/rollout.ts'

const bench = RolloutBench.inCanary()
bench.settle({
  blocks: [bench.block([50, 1], [950, 4])],
  reference: { latencyEdgesMs: { alone: [1, 2, 3] }, classes: [4, 2] },
  shadow: { compared: 3, agreed: 2, distance: 0.5, classes: { 4: { compared: 3, disagreed: 1 } } },
})
const good = bench.state

describe('the document of a rollout', () => {
  test('comes back as it was', () => {
    expect(parseRolloutState(encodeRolloutState(good), 'state.json')).toEqual(good)
  })

  test('of an older server has told of nothing', () => {
    const paused = RolloutBench.inCanary()
    paused.command({ kind: 'pause' })
    const { told, ...phase } = paused.state.phase as Extract<Phase, { kind: 'paused' }>
    expect(told).toEqual([])
    const bytes = encodeRolloutState({ ...paused.state, phase: phase as Phase })
    expect(parseRolloutState(bytes, 'state.json')).toEqual(paused.state)
  })

  test('is small', () => {
    expect(encodeRolloutState(good).length).toBeLessThan(8_000)
  })

  const parse = (value: unknown) => () =>
    parseRolloutState(new TextEncoder().encode(JSON.stringify(value)), 'state.json')

  test.each([
    [{ ...good, schema: 'cutover/rollout/v9' }, 'state.json: schema: '],
    [{ ...good, generation: -1 }, 'generation'],
    [{ ...good, stable: { version: '7', digest: 'd' } }, 'stable.version'],
    [{ ...good, phase: { kind: 'canary', weight: 101 } }, 'phase.weight'],
    [{ ...good, phase: { kind: 'flying' } }, 'phase.kind'],
    [
      {
        ...good,
        quarantine: Array.from({ length: 101 }, () => ({
          version: 1,
          digest: 'd',
          at: '',
          cause: '',
        })),
      },
      'quarantine',
    ],
    [[], 'state.json: '],
  ])('that is wrong is refused (%#)', (value, sentence) => {
    expect(parse(value)).toThrow(sentence)
    expect(parse(value)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  test('that is cut off is refused', () => {
    const bytes = encodeRolloutState(good)
    expect(() => parseRolloutState(bytes.subarray(0, 100), 'state.json')).toThrow('expected JSON')
    expect(() => parseRolloutState(new Uint8Array(2_000_000), 'state.json')).toThrow('at most')
  })
})

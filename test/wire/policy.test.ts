import { describe, expect, test } from 'vitest'

import { DEFAULT_POLICY } from '../../src/domain/rollout-policy.ts'
import { parsePolicy } from '../../src/wire/policy.ts'

const parse = (value: unknown) => parsePolicy(new TextEncoder().encode(JSON.stringify(value)))

describe('a policy', () => {
  test('that states nothing is the default', () => {
    expect(parse({})).toEqual({ ...DEFAULT_POLICY, shadow: undefined, stickiness: undefined })
  })

  test('wins member by member', () => {
    const policy = parse({
      pin: 7,
      rollout: {
        shadow: { minRequests: 10, minDuration: '1.5m' },
        steps: [{ weight: 1, minRequests: 5, minDuration: '10m' }, { weight: 50 }],
        stickiness: { header: 'x-user' },
        judge: { block: '2s', classes: { enabled: false }, latency: { slowdown: 2 } },
      },
    })
    expect(policy.steps).toEqual([
      { weight: 1, minRequests: 5, minDurationMs: 600_000 },
      { weight: 50, minRequests: 0, minDurationMs: 0 },
    ])
    expect(policy.shadow).toEqual({ minRequests: 10, minDurationMs: 90_000, sample: 100 })
    expect(policy).toMatchObject({ pin: 7, strategy: 'canary', stickiness: { header: 'x-user' } })
    expect(policy.judge).toEqual({
      ...DEFAULT_POLICY.judge,
      blockMs: 2000,
      classes: { ...DEFAULT_POLICY.judge.classes, enabled: false },
      latency: { ...DEFAULT_POLICY.judge.latency, slowdown: 2 },
    })
  })

  test('takes a default away with null', () => {
    const defaults = { ...DEFAULT_POLICY, pin: 3, stickiness: { cookie: 'id' } }
    const bytes = new TextEncoder().encode('{"pin":null,"rollout":{"stickiness":null}}')
    expect(parsePolicy(bytes, defaults)).toMatchObject({ pin: undefined, stickiness: undefined })
  })

  const step = (...weights: unknown[]) => ({
    rollout: { steps: weights.map((weight) => ({ weight })) },
  })

  test.each([
    [step(5, 101), 'rollout.steps[1].weight: expected a weight in per cent'],
    [step(0), 'rollout.steps[0].weight: expected a weight in per cent'],
    [step('5%'), 'rollout.steps[0].weight: expected a weight in per cent'],
    [step(25, 5), 'rollout.steps[1].weight: expected more than the 25 of the step before'],
    [step(25, 25), 'rollout.steps[1].weight: expected more than the 25'],
    [step(), 'rollout.steps: expected at least one step'],
    [{ rollout: { judge: { latncy: {} } } }, 'rollout.judge: there is no "latncy"; there is alpha'],
    [{ rollout: { judge: { alpha: 0 } } }, 'rollout.judge.alpha: expected a probability'],
    [{ rollout: { judge: { block: '1ms' } } }, 'rollout.judge.block: expected a duration'],
    [{ rollout: { judge: { errors: { riskRatio: 0.5 } } } }, 'errors.riskRatio: expected a ratio'],
    [{ rollout: { shadow: { minDuration: 30 } } }, 'shadow.minDuration: expected a duration with'],
    [{ rollout: { shadow: { minDuration: '31d' } } }, 'shadow.minDuration: expected at most 30d'],
    [{ rollout: { onRegression: 'panic' } }, 'rollout.onRegression: expected one of rollback'],
    [{ rollout: { strategy: 'blue' } }, 'rollout.strategy: expected canary or immediate'],
    [{ rollout: { stickiness: { header: 'a b' } } }, 'rollout.stickiness'],
    [{ rollout: { stickiness: {} } }, 'rollout.stickiness: expected {"header": NAME}'],
    [{ pin: 'latest' }, 'model.json: pin: expected a version: a positive whole number'],
    [{ pin: 0 }, 'pin: expected a version'],
    [{ pins: 1 }, 'model.json: there is no "pins"; there is rollout, pin'],
    [[], 'model.json: expected an object'],
    [null, 'model.json: expected an object'],
  ])('%j is refused', (value, sentence) => {
    expect(() => parse(value)).toThrow(sentence)
    expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  test('says what is no JSON', () => {
    expect(() => parsePolicy(new TextEncoder().encode('{'))).toThrow('model.json: expected JSON')
    expect(() => parsePolicy(Uint8Array.of(0xff))).toThrow('model.json: expected JSON in UTF-8')
    expect(() => parsePolicy(new Uint8Array(70_000))).toThrow('expected at most 65536 bytes')
  })
})

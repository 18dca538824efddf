import { describe, expect, test } from 'vitest'

import { pickTrack } from '../../src/rollout/pick-track.ts'

const USERS = 100_000
const trial = 'f2b1c7'

const canaries = (weight: number, id = trial) =>
  new Set(
    Array.from({ length: USERS }, (_, index) => `user-${index}`).filter(
      (user) => pickTrack({ weight, trial: id }, user) === 'canary',
    ),
  )

describe('a sticky key', () => {
  test.each([0, 0.5, 5, 25, 50, 99, 100])('%d %% of the users', (weight) => {
    const expected = (USERS * weight) / 100
    const deviation = Math.sqrt((expected * (100 - weight)) / 100)
    expect(Math.abs(canaries(weight).size - expected)).toBeLessThanOrEqual(5 * deviation)
  })

  test('stays on the candidate while the weight rises', () => {
    const ramp = [1, 5, 25, 50, 100].map((weight) => canaries(weight))
    for (const [index, users] of ramp.slice(1).entries()) {
      expect([...(ramp[index] ?? [])].every((user) => users.has(user))).toBe(true)
    }
  })

  test('is drawn anew in another trial', () => {
    const others = canaries(10, 'another')
    const both = [...canaries(10)].filter((user) => others.has(user)).length
    expect(both).toBeGreaterThan(USERS * 0.009)
    expect(both).toBeLessThan(USERS * 0.011)
  })

  test('spreads evenly over ten places', () => {
    const counts = Array.from({ length: 10 }, (_, place) => canaries(10 * (place + 1)).size)
    const places = counts.map((count, index) => count - (counts[index - 1] ?? 0))
    // χ² with 9 degrees of freedom: above 34 once in ten thousand.
    const chi = places.reduce((sum, n) => sum + (n - USERS / 10) ** 2 / (USERS / 10), 0)
    expect(chi).toBeLessThan(34)
  })
})

test('without a key each request is drawn', () => {
  expect(pickTrack({ weight: 5, trial }, undefined, () => 0.0499)).toBe('canary')
  expect(pickTrack({ weight: 5, trial }, undefined, () => 0.05)).toBe('stable')
  expect(pickTrack({ weight: 0, trial }, undefined, () => 0)).toBe('stable')
  expect(pickTrack({ weight: 100, trial }, undefined, () => 0.999999)).toBe('canary')
})

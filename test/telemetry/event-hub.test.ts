import { expect, test } from 'vitest'

import { EventHub } from '../../src/telemetry/event-hub.ts'

function hubWith(count: number): EventHub {
  const hub = new EventHub()
  for (let version = 1; version <= count; version++) {
    hub.deployment({ kind: 'version.found', model: 'flowers', version })
  }
  return hub
}

function versionsAfter(hub: EventHub, since?: string) {
  const { events, missed } = hub.after(since)
  return { versions: events.map(({ version }) => version), missed }
}

test('both kinds of events have an id, a time and a sentence', () => {
  const hub = hubWith(1)
  hub.rollout({
    kind: 'rollout.paused',
    model: 'flowers',
    version: 2,
    text: 'flowers 1 → 2 paused',
    at: '2026-01-01T00:00:00.000Z',
    by: { who: 'ann', reason: 'lunch' },
    verdict: null,
  })
  const { events } = hub.after()
  expect(events[0]).toMatchObject({ kind: 'version.found', text: 'flowers 1 found' })
  expect(events[1]).toEqual({
    id: hub.lastId,
    time: '2026-01-01T00:00:00.000Z',
    kind: 'rollout.paused',
    model: 'flowers',
    version: 2,
    text: 'flowers 1 → 2 paused',
    by: { who: 'ann', reason: 'lunch' },
    verdict: null,
  })
  expect(new Set(events.map(({ id }) => id)).size).toBe(2)
})

test('who saw an event gets those after it, and nothing twice', () => {
  const hub = hubWith(3)
  const [first] = hub.after().events
  expect(versionsAfter(hub, first?.id)).toEqual({ versions: [2, 3], missed: false })
  expect(versionsAfter(hub, hub.lastId)).toEqual({ versions: [], missed: false })
})

test('the newest 1,000 are kept, and who is behind them learns that some are missing', () => {
  const hub = new EventHub()
  const none = hub.lastId
  hub.deployment({ kind: 'version.found', model: 'flowers', version: 1 })
  const first = hub.lastId
  for (let version = 2; version <= 1_001; version++) {
    hub.deployment({ kind: 'version.found', model: 'flowers', version })
  }
  expect(hub.after().events).toHaveLength(1_000)
  expect(hub.after(none)).toMatchObject({ missed: true })
  expect(hub.after(first)).toMatchObject({ missed: false })
  expect(hub.after(first).events[0]?.version).toBe(2)
})

test.each(['0-1', 'nonsense', '', hubWith(1).lastId])('the unknown id %j gets everything', (id) => {
  expect(versionsAfter(hubWith(2), id)).toEqual({ versions: [1, 2], missed: true })
})

test('the progress of a load is no event, and a long sentence is cut', () => {
  const hub = new EventHub()
  hub.deployment({ kind: 'version.step', model: 'flowers', version: 1, step: 'pulling' })
  expect(hub.after().events).toEqual([])
  const reason = 'x'.repeat(100_000)
  const code = 'MODEL_UNLOADABLE'
  hub.deployment({ kind: 'version.rejected', model: 'flowers', version: 1, code, reason })
  expect(hub.after().events[0]?.text).toHaveLength(2_000)
})

test('a listener hears of events until it leaves', () => {
  const hub = new EventHub()
  const heard: unknown[] = []
  const leave = hub.subscribe(({ version }) => heard.push(version))
  hub.deployment({ kind: 'version.found', model: 'flowers', version: 1 })
  leave()
  hub.deployment({ kind: 'version.found', model: 'flowers', version: 2 })
  expect(heard).toEqual([1])
})

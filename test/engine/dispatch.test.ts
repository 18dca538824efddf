import { expect, test } from 'vitest'

import { type EngineLoad, inflightMaxFor, nextDispatch } from '../../src/engine/dispatch.ts'

const INFLIGHT_MAX = 2

function engines(...inflight: (number | 'exclusive')[]): EngineLoad[] {
  return inflight.map((load, i) => ({
    inflight: load === 'exclusive' ? 1 : load,
    exclusive: load === 'exclusive',
    hasAlone: i === 0,
  }))
}

const request = { suspects: false, requests: true, alone: false }

test('a request goes to the least busy engine, the first of equals', () => {
  expect(nextDispatch(engines(1, 0, 0), request, INFLIGHT_MAX)).toEqual({
    kind: 'request',
    engine: 1,
  })
  expect(nextDispatch(engines(2, 2, 1), request, INFLIGHT_MAX)).toEqual({
    kind: 'request',
    engine: 2,
  })
})

test('it waits when every engine is full, or none is up', () => {
  expect(nextDispatch(engines(2, 2), request, INFLIGHT_MAX)).toEqual({ kind: 'wait' })
  expect(nextDispatch([], request, INFLIGHT_MAX)).toEqual({ kind: 'wait' })
  expect(nextDispatch(engines(0), { ...request, requests: false }, 2)).toEqual({ kind: 'wait' })
})

test('a lone request goes where the session with every core is', () => {
  const alone = { ...request, alone: true }
  expect(nextDispatch(engines(0, 0), alone, INFLIGHT_MAX)).toEqual({ kind: 'request', engine: 0 })
  const others = engines(0, 0).map((load) => ({ ...load, hasAlone: false }))
  expect(nextDispatch(others, alone, INFLIGHT_MAX)).toEqual({ kind: 'request', engine: 0 })
})

test('a suspect gets an empty engine to itself', () => {
  const waiting = { suspects: true, requests: true, alone: false }
  expect(nextDispatch(engines(1, 0), waiting, INFLIGHT_MAX)).toEqual({ kind: 'suspect', engine: 1 })
})

test('while it waits, the least busy engine is kept free and the others work on', () => {
  const waiting = { suspects: true, requests: true, alone: false }
  expect(nextDispatch(engines(1, 1), waiting, INFLIGHT_MAX)).toEqual({ kind: 'request', engine: 1 })
  expect(nextDispatch(engines(1), waiting, INFLIGHT_MAX)).toEqual({ kind: 'wait' })
})

test('nothing joins a suspect', () => {
  expect(nextDispatch(engines('exclusive'), request, INFLIGHT_MAX)).toEqual({ kind: 'wait' })
  const waiting = { suspects: true, requests: true, alone: false }
  expect(nextDispatch(engines('exclusive', 0), waiting, 2)).toEqual({ kind: 'suspect', engine: 1 })
})

test('an engine holds as many short requests as take it a millisecond, within a bound', () => {
  expect(inflightMaxFor(Infinity, INFLIGHT_MAX)).toBe(INFLIGHT_MAX)
  expect(inflightMaxFor(10, INFLIGHT_MAX)).toBe(INFLIGHT_MAX)
  expect(inflightMaxFor(0.1, INFLIGHT_MAX)).toBe(10)
  expect(inflightMaxFor(0.001, INFLIGHT_MAX)).toBe(32)
  expect(inflightMaxFor(0, INFLIGHT_MAX)).toBe(32)
})

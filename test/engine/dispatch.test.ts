import { expect, test } from 'vitest'

import { type EngineLoad, inflightFor, nextDispatch } from '../../src/engine/dispatch.ts'

const INFLIGHT = { max: 2, together: 0 }

function engines(...inflight: (number | 'exclusive')[]): EngineLoad[] {
  return inflight.map((load, i) => ({
    inflight: load === 'exclusive' ? 1 : load,
    exclusive: load === 'exclusive',
    hasAlone: i === 0,
    alive: true,
  }))
}

const request = { suspects: false, requests: true, alone: false }

test('a request goes to the least busy engine, the first of equals', () => {
  expect(nextDispatch(engines(1, 0, 0), request, INFLIGHT)).toEqual({
    kind: 'request',
    engine: 1,
  })
  expect(nextDispatch(engines(2, 2, 1), request, INFLIGHT)).toEqual({
    kind: 'request',
    engine: 2,
  })
})

test('it waits when every engine is full, or none is up', () => {
  expect(nextDispatch(engines(2, 2), request, INFLIGHT)).toEqual({ kind: 'wait' })
  expect(nextDispatch([], request, INFLIGHT)).toEqual({ kind: 'wait' })
  expect(nextDispatch(engines(0), { ...request, requests: false }, INFLIGHT)).toEqual({
    kind: 'wait',
  })
})

test('a lone request goes where the session with every core is', () => {
  const alone = { ...request, alone: true }
  expect(nextDispatch(engines(0, 0), alone, INFLIGHT)).toEqual({ kind: 'request', engine: 0 })
  const others = engines(0, 0).map((load) => ({ ...load, hasAlone: false }))
  expect(nextDispatch(others, alone, INFLIGHT)).toEqual({ kind: 'request', engine: 0 })
})

test('a suspect gets an empty engine to itself', () => {
  const waiting = { suspects: true, requests: true, alone: false }
  expect(nextDispatch(engines(1, 0), waiting, INFLIGHT)).toEqual({ kind: 'suspect', engine: 1 })
})

test('while it waits, the least busy engine is kept free and the others work on', () => {
  const waiting = { suspects: true, requests: true, alone: false }
  expect(nextDispatch(engines(1, 1), waiting, INFLIGHT)).toEqual({ kind: 'request', engine: 1 })
  expect(nextDispatch(engines(1), waiting, INFLIGHT)).toEqual({ kind: 'wait' })
})

test('nothing joins a suspect', () => {
  expect(nextDispatch(engines('exclusive'), request, INFLIGHT)).toEqual({ kind: 'wait' })
  const waiting = { suspects: true, requests: true, alone: false }
  expect(nextDispatch(engines('exclusive', 0), waiting, INFLIGHT)).toEqual({
    kind: 'suspect',
    engine: 1,
  })
})

test('an engine that has ended gets nothing', () => {
  const [first, second] = engines(0, 1)
  if (first === undefined || second === undefined) throw new Error('no engines')
  const ended = [{ ...first, alive: false }, second]
  expect(nextDispatch(ended, request, INFLIGHT)).toEqual({ kind: 'request', engine: 1 })
  const alone = { ...request, alone: true }
  expect(nextDispatch(ended, alone, INFLIGHT)).toEqual({ kind: 'request', engine: 1 })
  const waiting = { ...request, suspects: true }
  expect(nextDispatch(ended, waiting, INFLIGHT)).toEqual({ kind: 'wait' })
})

test('an engine holds as many short requests as take it a millisecond, within a bound', () => {
  expect(inflightFor(Infinity, 2, 0)).toEqual({ max: 2, together: 0 })
  expect(inflightFor(10, 2, 0)).toEqual({ max: 2, together: 0 })
  expect(inflightFor(0.1, 2, 0)).toEqual({ max: 10, together: 2 })
  expect(inflightFor(0.001, 2, 0)).toEqual({ max: 32, together: 32 })
})

test('where requests share runs, one run is gathered while another runs', () => {
  expect(inflightFor(10, 3, 16)).toEqual({ max: 32, together: 0 })
  expect(inflightFor(0.1, 3, 2)).toEqual({ max: 10, together: 2 })
})

test('requests that are over in no time go together', () => {
  const inflight = { max: 20, together: 4 }
  const next = (...load: (number | 'exclusive')[]) =>
    nextDispatch(engines(...load), request, inflight)
  expect(next(0, 0)).toEqual({ kind: 'request', engine: 0 })
  expect(next(1, 0)).toEqual({ kind: 'request', engine: 0 })
  expect(next(4, 0)).toEqual({ kind: 'request', engine: 1 })
  expect(next(4, 2)).toEqual({ kind: 'request', engine: 1 })
  expect(next(5, 4)).toEqual({ kind: 'request', engine: 1 })
  expect(next('exclusive', 0)).toEqual({ kind: 'request', engine: 1 })
  expect(next(20, 20)).toEqual({ kind: 'wait' })
  // The first one is kept free for a suspect.
  const waiting = { ...request, suspects: true }
  expect(nextDispatch(engines(1, 2), waiting, inflight)).toEqual({ kind: 'request', engine: 1 })
})

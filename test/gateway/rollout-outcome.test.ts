import { expect, test } from 'vitest'

import { CutoverError } from '../../src/domain/errors.ts'
import {
  DeadlineInEngine,
  GivenUpInEngine,
  LeftToStandIn,
  Waiter,
} from '../../src/engine/waiter.ts'
import { outcomeOfRefusal, tellFailure } from '../../src/gateway/rollout-outcome.ts'
import type { Outcome } from '../../src/rollout/block-recorder.ts'
import type { RunRequest, RunResult } from '../../src/wire/run-message.ts'

const REQUEST: RunRequest = { kind: 'image', image: Buffer.alloc(1), topK: 1 }
const RESULT: RunResult = {
  kind: 'classes',
  classes: [{ index: 7, score: 1 }],
  timings: { preprocessMs: 1, inferenceMs: 1_999, sharedBy: 1 },
}

/** A request that an engine has, and what the rollout hears of it. */
function inEngine() {
  const waiter = new Waiter(
    { request: REQUEST, deadlineMs: 60_000, hasStandIn: false },
    { inflight: 0 },
    () => {},
    () => {},
  )
  waiter.place = 'single'
  const told: Outcome[] = []
  const fail = (error: CutoverError) => {
    waiter.reject(error)
    tellFailure(error, (outcome) => told.push(outcome))
  }
  return { waiter, told, fail }
}

test('of a request that its client gave up counts what the engine makes of it', () => {
  const { waiter, told, fail } = inEngine()
  fail(new GivenUpInEngine(waiter))
  expect(told).toEqual([])
  waiter.resolve(RESULT)
  expect(told).toEqual([{ kind: 'answered', place: 'single', serviceMs: 2_000, classIndex: 7 }])
})

test.each([
  ['ENGINE_FAILED', 'failed'],
  ['OUTPUT_INVALID', 'invalid'],
  ['ENGINE_TIMEOUT', 'failed'],
  ['MODEL_NOT_READY', 'excused'],
] as const)('also where that is %s', (code, kind) => {
  const { waiter, told, fail } = inEngine()
  fail(new GivenUpInEngine(waiter))
  waiter.reject(new CutoverError(code, 'a sentence'))
  expect(told).toEqual([{ kind }])
})

test.each([
  [true, 'failed'],
  [false, 'excused'],
] as const)('of those that one process took along one counts (this one: %s)', (isBlamed, kind) => {
  const { told, fail } = inEngine()
  fail(new LeftToStandIn('ENGINE_CRASHED', 'a sentence', isBlamed))
  expect(told).toEqual([{ kind }])
})

test('a deadline that passes in an engine is an error, and as slow as it ran', () => {
  const { waiter, told, fail } = inEngine()
  fail(new DeadlineInEngine(waiter))
  waiter.resolve(RESULT)
  expect(told).toEqual([
    { kind: 'failed', ran: { place: 'single', serviceMs: expect.any(Number) as number } },
  ])
})

test('what is given up in the queue says nothing', () => {
  const { told, fail } = inEngine()
  fail(new CutoverError('REQUEST_ABORTED', 'the client hung up'))
  expect(told).toEqual([{ kind: 'excused' }])
})

test('a refusal is the fault of a canary unless the stable version refuses the same', () => {
  const refused = new CutoverError('TENSOR_INVALID', 'there is no input x')
  expect(outcomeOfRefusal(refused)).toEqual({ kind: 'excused' })
  expect(outcomeOfRefusal()).toEqual({ kind: 'failed' })
  const busy = new CutoverError('QUEUE_FULL', 'too many wait')
  expect(outcomeOfRefusal(busy)).toEqual({ kind: 'failed' })
})

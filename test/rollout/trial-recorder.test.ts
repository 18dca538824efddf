import { expect, test } from 'vitest'

import type { Outcome } from '../../src/rollout/block-recorder.ts'
import { type Arm, TrialRecorder } from '../../src/rollout/trial-recorder.ts'

const reference = { latencyEdgesMs: { engine: [10, 20, 30] }, classes: [] }

const FINE: Outcome = { kind: 'answered', place: 'single', serviceMs: 1 }
const LATE: Outcome = { kind: 'failed', ran: { place: 'single', serviceMs: 99 } }

/** Were time-outs among them counted, a candidate that is as good would look slower. */
test('of the first requests to a candidate no time counts, however they end', () => {
  const recorder = new TrialRecorder(() => {})
  recorder.watch({ trial: 't', weight: 5, blockMs: 60_000, reference })
  const send = (arm: Arm, outcomes: Outcome[]) => {
    for (const outcome of outcomes) recorder.begin(arm, 't')?.(outcome)
  }
  const tenInTwenty = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? LATE : FINE))
  send('canary', tenInTwenty)
  send('canary', [LATE, FINE])
  send('stable', tenInTwenty)
  recorder.watch({ trial: 't', weight: 25, blockMs: 60_000, reference })
  expect(recorder.complete).toMatchObject([
    {
      canary: {
        requests: 22,
        errors: 11,
        latency: { engine: { requests: 2, slower: [1, 1, 1] } },
      },
      stable: { requests: 20, errors: 10, latency: { engine: { requests: 20 } } },
    },
  ])
})

test('what was seen of a trial is kept while nothing is compared, and not for another trial', () => {
  const recorder = new TrialRecorder(() => {})
  const view = { trial: 't', weight: 5, blockMs: 60_000, reference }
  recorder.watch(view)
  const ended = recorder.begin('canary', 't')
  recorder.watch(undefined)
  ended?.({ kind: 'failed' })
  recorder.watch(view)
  expect(recorder.complete).toMatchObject([{ canary: { requests: 1, errors: 1 } }])
  recorder.watch({ ...view, trial: 'another' })
  expect(recorder.complete).toEqual([])
})

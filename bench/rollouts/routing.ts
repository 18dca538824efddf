import type { Reference } from '../../src/domain/evidence.ts'
import { DEFAULT_POLICY } from '../../src/domain/rollout-policy.ts'
import { freezeReference } from '../../src/rollout/judge/evidence.ts'
import { pickTrack } from '../../src/rollout/pick-track.ts'
import { TrialRecorder } from '../../src/rollout/trial-recorder.ts'
import { pick } from '../../src/serving/pick.ts'
import type { ModelRoutes } from '../../src/serving/route-table.ts'
import { atMost, type PartReport } from '../lib/bench.ts'
import { median } from '../lib/statistics.ts'

const REQUESTS = 200_000
const ROUNDS = 9
const TRIAL = '6d1f3c1e'

/**
 * What a rollout adds to a request: a version is drawn for it by its user's key, and how it ended
 * is counted. In this process, a loop of requests without anything else.
 */
export function routing(): PartReport {
  const servable = (version: number) => ({ version }) as ModelRoutes['stable']
  const stable = servable(1)
  const canary = { servable: servable(2), weight: 25, trial: TRIAL, stickiness: undefined }
  const versions = new Map([[1, stable]])
  const plain = new Map<string, ModelRoutes>([
    ['bench', { stable, canary: undefined, shadow: undefined, versions }],
  ])
  const split = new Map<string, ModelRoutes>([
    ['bench', { stable, canary, shadow: undefined, versions }],
  ])
  const recorder = new TrialRecorder(() => recorder.drop(recorder.complete))
  const blockMs = DEFAULT_POLICY.judge.blockMs
  recorder.watch({ trial: TRIAL, weight: 25, blockMs, reference: reference() })

  const without = microseconds(() => void pick(plain, { model: 'bench' }, undefined))
  const withRollout = microseconds((request) => {
    const key = `user-${request}`
    const route = pick(split, { model: 'bench' }, undefined, (share) => pickTrack(share, key))
    const ended = recorder.begin(route.track === 'canary' ? 'canary' : 'stable', TRIAL)
    ended?.({ kind: 'answered', place: 'single', serviceMs: 1 + (request % 7), classIndex: 3 })
  })
  const added = withRollout - without
  return {
    title: 'Routing, in a loop',
    rows: [
      {
        what: 'a rollout with sticky users adds to a request',
        value: `${added.toFixed(2)} µs (${withRollout.toFixed(2)} against ${without.toFixed(2)})`,
        bar: atMost(20, added, ' µs'),
      },
    ],
    data: { routing: { without, withRollout } },
  }
}

function reference(): Reference {
  const times = Float64Array.from({ length: 2_000 }, (_, index) => 1 + (index % 7))
  const classes = new Map([[3, 2_000]])
  return freezeReference({ single: times }, classes, DEFAULT_POLICY.judge)
}

/** Of one request: the median over rounds. */
function microseconds(request: (index: number) => void): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const from = performance.now()
    for (let index = 0; index < REQUESTS; index++) request(index)
    return ((performance.now() - from) * 1000) / REQUESTS
  })
  return median(rounds)
}

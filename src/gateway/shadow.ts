import { CutoverError } from '../domain/errors.ts'
import type { Route } from '../serving/route-table.ts'
import type { RunRequest, PoolResult } from '../serving/servable.ts'
import type { GatewayContext } from './context.ts'
import { outcomeOfAnswer, tellFailure } from './rollout-outcome.ts'

type Classes = readonly { readonly index: number; readonly score: number }[]

/**
 * Sends a copy of a request to the candidate of a shadow phase, and compares what it says with the
 * original's answer, where it has one. Never on the client's clock, and only while nobody waits for
 * either version.
 */
export function shadow(
  { table, rollouts, settings }: GatewayContext,
  { servable: stable, track }: Route,
  request: Extract<RunRequest, { kind: 'image' }>,
  original: PoolResult | CutoverError,
): void {
  const share = table().get(stable.model)?.shadow
  if (share === undefined || track !== 'stable' || 100 * Math.random() >= share.weight) return
  const { servable: candidate, trial } = share
  const isBusy = [stable, candidate].some(({ pool }) => pool.queueLength > 0)
  if (isBusy || candidate.pool.inflight >= candidate.pool.enginesReady) return
  // The original goes back to the pool of bodies.
  const copy = { ...request, image: Buffer.from(request.image) }
  const copied = rollouts.copied(stable.model, trial)
  const hasFailed = original instanceof CutoverError
  if (copied !== undefined) {
    if (hasFailed) tellFailure(original, copied.stable)
    else copied.stable(outcomeOfAnswer(original))
  }
  candidate.borrow()
  candidate.pool
    // As long as an original may take: a slow version is no worse a one for that.
    .run(copy, { deadlineMs: settings.requestTimeoutMs })
    .then((second) => {
      copied?.canary(outcomeOfAnswer(second))
      if (hasFailed) return
      const [a, b] = [bestOf(original), bestOf(second)]
      const [first, other] = [a[0], b[0]]
      if (first === undefined || other === undefined) return
      rollouts.compared(stable.model, trial, {
        stableClass: first.index,
        candidateClass: other.index,
        distance: distanceOf(a, b),
      })
    })
    .catch((error: unknown) => copied !== undefined && tellFailure(error, copied.canary))
    .finally(() => candidate.giveBack())
}

function bestOf({ result }: PoolResult): Classes {
  return result.kind === 'classes' ? result.classes : []
}

/** Half the sum of the differences of the scores, of the classes that both were asked for. */
function distanceOf(a: Classes, b: Classes): number {
  const scores = new Map(b.map(({ index, score }) => [index, score]))
  const ofA = a.reduce(
    (sum, { index, score }) => sum + Math.abs(score - (scores.get(index) ?? 0)),
    0,
  )
  const known = new Set(a.map(({ index }) => index))
  const ofB = b.reduce((sum, { index, score }) => sum + (known.has(index) ? 0 : Math.abs(score)), 0)
  return Math.min(1, (ofA + ofB) / 2)
}

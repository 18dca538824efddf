import { CutoverError, type ErrorCode } from '../domain/errors.ts'
import { pickTrack } from '../rollout/pick-track.ts'
import type { Outcome } from '../rollout/block-recorder.ts'
import { pick } from '../serving/pick.ts'
import type { ServableAnswer, ServableRequest } from '../serving/servable.ts'
import type { Route, Share } from '../serving/route-table.ts'
import type { GatewayContext } from './context.ts'
import type { Exchange } from './exchange.ts'

/** Failures of the version, not of the client or of a queue. */
const OWN_FAILURES: ReadonlySet<ErrorCode> = new Set([
  'ENGINE_CRASHED',
  'ENGINE_TIMEOUT',
  'ENGINE_FAILED',
  'OUTPUT_INVALID',
])

export interface Wanted {
  readonly model?: string | undefined
  readonly version?: number | undefined
}

/** Throws as `pick` does when nobody would answer this request. */
export function checkRoute({ table, settings }: GatewayContext, wanted: Wanted): void {
  pick(table(), { ...wanted, draw: () => 'stable' }, settings.defaultModel)
}

/**
 * Runs a request on the version that its model's routes choose, and tells the rollout how it
 * ended. What a canary fails at for reasons of its own the stable version answers, and the failure
 * counts against the canary: users do not pay for the experiment.
 */
export async function serveRequest(
  context: GatewayContext,
  exchange: Exchange,
  wanted: Wanted,
  request: ServableRequest,
): Promise<{ readonly route: Route; readonly answer: ServableAnswer }> {
  const { settings, table } = context
  const draw = (canary: Share) => pickTrack(canary, exchange.stickyKey(canary))
  const route = pick(table(), { ...wanted, draw }, settings.defaultModel)
  try {
    return { route, answer: await run(context, exchange, route, request) }
  } catch (error) {
    const isOwn = error instanceof CutoverError && OWN_FAILURES.has(error.code)
    if (route.track !== 'canary' || !isOwn) throw error
    const fallback = pick(table(), { ...wanted, draw: () => 'stable' }, settings.defaultModel)
    // It stands in for the canary: what it does now is not part of the comparison.
    const answer = await lend(context, exchange, fallback, request)
    return { route: fallback, answer }
  }
}

/** What a failure says of the version that had the request. */
export function outcomeOf(error: unknown): Outcome {
  const code = error instanceof CutoverError ? error.code : 'INTERNAL'
  if (code === 'OUTPUT_INVALID') return { kind: 'invalid' }
  return { kind: OWN_FAILURES.has(code) ? 'failed' : 'excused' }
}

/** What an answer says of it. */
export function outcomeOfAnswer({ result, stratum }: ServableAnswer): Outcome {
  const { preprocessMs, inferenceMs } = result.timings
  const classIndex = result.kind === 'classes' ? result.classes[0]?.index : undefined
  return { kind: 'answered', serviceMs: preprocessMs + inferenceMs, stratum, classIndex }
}

async function run(
  context: GatewayContext,
  exchange: Exchange,
  route: Route,
  request: ServableRequest,
): Promise<ServableAnswer> {
  const ended = context.rollouts.dispatched(route)
  try {
    const answer = await lend(context, exchange, route, request)
    ended?.(outcomeOfAnswer(answer))
    return answer
  } catch (error) {
    ended?.(outcomeOf(error))
    throw error
  }
}

function lend(
  { settings }: GatewayContext,
  exchange: Exchange,
  route: Route,
  request: ServableRequest,
): Promise<ServableAnswer> {
  exchange.routedTo(route)
  return route.servable.lend(({ pool }) =>
    pool.run(request, { deadlineMs: settings.requestTimeoutMs, signal: exchange.signal }),
  )
}

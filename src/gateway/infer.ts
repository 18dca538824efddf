import { checkInputs } from '../domain/check-inputs.ts'
import { checkOutputs } from '../domain/check-outputs.ts'
import { signatureNamed } from '../domain/signature.ts'
import type { Stages } from '../domain/stages.ts'
import { pickTrack } from '../rollout/pick-track.ts'
import type { RouteRequest } from '../serving/pick.ts'
import type { Route, Share } from '../serving/route-table.ts'
import type { RunRequest, RunResult, PoolResult, Servable } from '../serving/servable.ts'
import type { GatewayContext } from './context.ts'
import { pickServed } from './pick-served.ts'
import {
  isOwnFailure,
  isRefusal,
  outcomeOfAnswer,
  outcomeOfRefusal,
  tellFailure,
} from './rollout-outcome.ts'
import { shadow } from './shadow.ts'

/** One request as its protocol carries it. */
export interface InferenceCall {
  /** Calls what was named last, at most once, if the client is gone before it has its answer. */
  whenGone(giveUp: () => void): void
  /** What is left of the time from its last byte to its answer, in milliseconds. */
  readonly timeLeftMs: number
  /** What keeps its user on one version; undefined: nothing does. */
  stickyKey(canary: Share): string | undefined
  routedTo(route: Route): void
  /** `examples`: how many the request held, as one batch. */
  served(stages: Stages, examples: number): void
}

/** What a protocol adds: how a request is read, and what it asks of a model. */
export interface InferenceRequest<Payload> {
  readonly wanted: RouteRequest
  /** Reads and decodes what the client sent. */
  readonly read: () => Promise<Payload>
  readonly ask: (payload: Payload, servable: Servable) => RunRequest | Promise<RunRequest>
}

export interface Inference<Payload> {
  readonly route: Route
  readonly payload: Payload
  readonly result: RunResult
}

/**
 * Answers one request, whatever protocol it came by: the one place where a version is picked for
 * it, where its tensors are held against the signature, where it is lent a model, and where the
 * rollout hears how it ended.
 *
 * What a canary fails at for reasons of its own the stable version answers, in what is left of the
 * time, and the failure counts against the canary: users do not pay for the experiment. So it is
 * with a request that the canary's signature refuses and the stable one's does not.
 */
export async function infer<Payload>(
  context: GatewayContext,
  call: InferenceCall,
  { wanted, read, ask }: InferenceRequest<Payload>,
): Promise<Inference<Payload>> {
  const { settings, rollouts } = context
  const stable = () => pickServed(context, wanted, settings.defaultModel)
  // What cannot be routed is refused before it is read.
  stable()
  const payload = await read()
  // Reading took its time: what was routed before may be gone.
  let route = pickServed(context, wanted, settings.defaultModel, (canary) =>
    pickTrack(canary, call.stickyKey(canary)),
  )
  const ended = rollouts.dispatched(route)
  let result: RunResult
  try {
    const answer = await attempt(context, call, route, payload, ask)
    ended?.(outcomeOfAnswer(answer))
    result = answer.result
  } catch (error) {
    const isRefused = isRefusal(error)
    const hasStandIn = isDrawnCanary(route) && (isRefused || isOwnFailure(error))
    if (ended !== undefined && !(hasStandIn && isRefused)) tellFailure(error, ended)
    if (!hasStandIn) throw error
    try {
      // It stands in for the canary: what it does now is not part of the comparison.
      route = stable()
      ;({ result } = await attempt(context, call, route, payload, ask))
      if (isRefused) ended?.(outcomeOfRefusal())
    } catch (second) {
      if (isRefused) ended?.(outcomeOfRefusal(second))
      throw second
    }
  }
  return { route, payload, result }
}

/** Asks the version that a request was routed to. */
async function attempt<Payload>(
  context: GatewayContext,
  call: InferenceCall,
  route: Route,
  payload: Payload,
  ask: InferenceRequest<Payload>['ask'],
): Promise<PoolResult> {
  const { servable } = route
  call.routedTo(route)
  servable.borrow()
  try {
    const asked = ask(payload, servable)
    const request = asked instanceof Promise ? await asked : asked
    if (request.kind === 'tensors') {
      const signature = signatureNamed(servable.pool.info, request.signature)
      checkInputs(signature, request.inputs)
      checkOutputs(signature, request.outputs ?? [])
    }
    let answer: PoolResult
    try {
      answer = await servable.pool.run(request, {
        deadlineMs: Math.max(1, Math.ceil(call.timeLeftMs)),
        hasStandIn: isDrawnCanary(route),
        onStart: (giveUp) => call.whenGone(giveUp),
      })
    } catch (error) {
      // Were only answered requests copied, the stable version would never fail beside the candidate.
      if (request.kind === 'image' && isOwnFailure(error)) shadow(context, route, request, error)
      throw error
    }
    if (request.kind === 'image') shadow(context, route, request, answer)
    call.served(
      { queueMs: answer.queueMs, ...answer.result.timings },
      examplesIn(request, servable),
    )
    return answer
  } finally {
    servable.giveBack()
  }
}

/** What it fails at the stable version answers. */
function isDrawnCanary({ track, isDrawn }: Route): boolean {
  return track === 'canary' && isDrawn
}

function examplesIn(request: RunRequest, { isBatched }: Servable): number {
  if (request.kind === 'image' || !isBatched) return 1
  const [first] = request.inputs.values()
  return first?.shape[0] ?? 1
}

import { checkInputs } from '../domain/check-inputs.ts'
import { checkOutputs } from '../domain/check-outputs.ts'
import { isBatched, signatureNamed } from '../domain/signature.ts'
import { pickTrack } from '../rollout/pick-track.ts'
import { pick, type RouteRequest } from '../serving/pick.ts'
import type { Route, Share } from '../serving/route-table.ts'
import type { EngineRequest, EngineResult, PoolResult, Servable } from '../serving/servable.ts'
import type { GatewayContext } from './context.ts'
import type { Stages } from './outcome.ts'
import { isOwnFailure, outcomeOf, outcomeOfAnswer } from './rollout-outcome.ts'
import { shadow } from './shadow.ts'

/** One request as its protocol carries it. */
export interface InferenceCall {
  /** Calls what was named last, at most once, if the client is gone before it has its answer. */
  whenGone(giveUp: () => void): void
  /** What is left of the deadline that the client set, in milliseconds; Infinity: it set none. */
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
  readonly ask: (payload: Payload, servable: Servable) => EngineRequest | Promise<EngineRequest>
}

export interface Inference<Payload> {
  readonly route: Route
  readonly payload: Payload
  readonly result: EngineResult
}

/**
 * Answers one request, whatever protocol it came by: the one place where a version is picked for
 * it, where its tensors are held against the signature, where it is lent a model, and where the
 * rollout hears how it ended.
 *
 * What a canary fails at for reasons of its own the stable version answers, and the failure counts
 * against the canary: users do not pay for the experiment.
 */
export async function infer<Payload>(
  context: GatewayContext,
  call: InferenceCall,
  { wanted, read, ask }: InferenceRequest<Payload>,
): Promise<Inference<Payload>> {
  const { table, settings, rollouts } = context
  const stable = () => pick(table(), wanted, settings.defaultModel)
  // What cannot be routed is refused before it is read.
  stable()
  const payload = await read()

  const run = (route: Route): Promise<PoolResult & { readonly examples: number }> => {
    call.routedTo(route)
    return route.servable.lend(async (servable) => {
      const request = await ask(payload, servable)
      if (request.kind === 'tensors') {
        const signature = signatureNamed(servable.pool.info, request.signature)
        checkInputs(signature, request.inputs)
        checkOutputs(signature, request.outputs ?? [])
      }
      const answer = await servable.pool.run(request, {
        deadlineMs: Math.max(1, Math.min(settings.requestTimeoutMs, call.timeLeftMs)),
        onStart: (giveUp) => call.whenGone(giveUp),
      })
      if (request.kind === 'image') shadow(context, route, request, answer)
      return { ...answer, examples: examplesIn(request, servable) }
    })
  }

  // Reading took its time: what was routed before may be gone.
  const draw = (canary: Share) => pickTrack(canary, call.stickyKey(canary))
  let route = pick(table(), wanted, settings.defaultModel, draw)
  const ended = rollouts.dispatched(route)
  let answer: Awaited<ReturnType<typeof run>>
  try {
    answer = await run(route)
    ended?.(outcomeOfAnswer(answer))
  } catch (error) {
    ended?.(outcomeOf(error))
    if (route.track !== 'canary' || !route.isDrawn || !isOwnFailure(error)) throw error
    // It stands in for the canary: what it does now is not part of the comparison.
    route = stable()
    answer = await run(route)
  }
  const { result, queueMs, examples } = answer
  call.served({ queueMs, ...result.timings }, examples)
  return { route, payload, result }
}

function examplesIn(request: EngineRequest, { pool }: Servable): number {
  if (request.kind === 'image' || !isBatched(pool.info.signature)) return 1
  const [first] = request.inputs.values()
  return first?.shape[0] ?? 1
}

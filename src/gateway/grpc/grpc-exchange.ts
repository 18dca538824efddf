import type { EventEmitter } from 'node:events'

import { Metadata, type ServerUnaryCall, status } from '@grpc/grpc-js'

import { CutoverError } from '../../domain/errors.ts'
import type { Stages } from '../../domain/stages.ts'
import type { Route, Share } from '../../serving/route-table.ts'
import type { GatewayContext } from '../context.ts'
import type { InferenceCall } from '../infer.ts'
import { recordOutcome } from '../outcome.ts'
import { publicErrorOf } from '../public-error.ts'
import { requestIdOf } from '../request-id.ts'
import { stickyKeyOf } from '../sticky-key.ts'
import { statusOf } from './grpc-errors.ts'

/** What a unary call and a stream have in common. */
export type Surface = Pick<
  ServerUnaryCall<unknown, unknown>,
  'metadata' | 'getDeadline' | 'getPath' | 'cancelled'
> &
  Pick<EventEmitter, 'on' | 'off'>

/** One inference over gRPC: its deadline, its metrics, its log line. */
export class GrpcExchange implements InferenceCall {
  readonly #context: GatewayContext
  readonly #surface: Surface
  readonly #startedAt = performance.now()
  readonly #deadlineAt: number
  #route: Route | undefined
  #stages: Stages | undefined
  #examples = 0
  #giveUp: (() => void) | undefined
  readonly #onGone = (): void => this.#giveUp?.()
  #id: string | undefined

  constructor(context: GatewayContext, surface: Surface) {
    this.#context = context
    this.#surface = surface
    this.#deadlineAt = Number(surface.getDeadline())
  }

  /** Made only when somebody wants to know: an inference may take less time. */
  get id(): string {
    return (this.#id ??= requestIdOf(this.#clientId()))
  }

  /** The client's deadline goes before ours where it is sooner. */
  get timeLeftMs(): number {
    const ageMs = performance.now() - this.#startedAt
    const { requestTimeoutMs } = this.#context.settings
    return Math.min(requestTimeoutMs - ageMs, this.#clientTimeLeftMs)
  }

  whenGone(giveUp: () => void): void {
    if (this.#surface.cancelled) {
      giveUp()
      return
    }
    // An AbortSignal would say the same, and cost a quarter of a small call.
    if (this.#giveUp === undefined) this.#surface.on('cancelled', this.#onGone)
    this.#giveUp = giveUp
  }

  stickyKey({ stickiness }: Share): string | undefined {
    if (stickiness === undefined) return undefined
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(this.#surface.metadata.getMap())) {
      headers[name] = String(value)
    }
    return stickyKeyOf(stickiness, headers)
  }

  routedTo(route: Route): void {
    this.#route = route
  }

  served(stages: Stages, examples: number): void {
    this.#stages = stages
    this.#examples = examples
  }

  /**
   * What HTTP says in headers; undefined for what the stable version answers to a client that gave
   * no id. Its name and version are in the message, and trailers cost as much as a small tensor.
   */
  trailers(): Metadata | undefined {
    const isUsual = this.#route?.track === 'stable' && this.#clientId() === undefined
    return isUsual ? undefined : this.allTrailers()
  }

  allTrailers(): Metadata {
    const metadata = new Metadata()
    metadata.set('x-request-id', this.id)
    if (this.#route !== undefined) {
      const { servable, track } = this.#route
      metadata.set('x-model-name', servable.model)
      metadata.set('x-model-version', String(servable.version))
      metadata.set('x-model-track', track)
    }
    return metadata
  }

  /** It was answered. */
  succeeded(): void {
    this.#finished('ok', status.OK)
  }

  /** Answers what the client is told of what was thrown. */
  failed(thrown: unknown): CutoverError {
    const error = this.#isLate(thrown)
      ? new CutoverError('DEADLINE_EXCEEDED', 'no answer within the deadline that the client set')
      : publicErrorOf(thrown)
    const code = statusOf(error)
    if (code === status.INTERNAL) {
      const { logger } = this.#context
      logger.error({ requestId: this.id, code: error.code, err: thrown }, 'a request failed')
    }
    this.#finished(error.code, code)
    return error
  }

  get #clientTimeLeftMs(): number {
    return this.#deadlineAt - Date.now()
  }

  #clientId(): unknown {
    return this.#surface.metadata.get('x-request-id')[0]
  }

  /** gRPC cancels a call whose deadline is over as it does one whose client has gone. */
  #isLate(thrown: unknown): boolean {
    return (
      thrown instanceof CutoverError &&
      thrown.code === 'REQUEST_ABORTED' &&
      this.#clientTimeLeftMs <= 0
    )
  }

  #finished(outcome: 'ok' | CutoverError['code'], code: status): void {
    // gRPC says that a call is cancelled at the end of every one.
    this.#surface.off('cancelled', this.#onGone)
    recordOutcome(this.#context, {
      requestId: () => this.id,
      protocol: 'v2-grpc',
      method: 'POST',
      target: this.#surface.getPath(),
      status: code,
      outcome,
      route: this.#route,
      stages: this.#stages,
      examples: this.#examples,
      totalMs: performance.now() - this.#startedAt,
    })
  }
}

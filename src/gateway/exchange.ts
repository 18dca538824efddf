import { Buffer } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Stages } from '../domain/stages.ts'
import type { Route, Share } from '../serving/route-table.ts'
import type { GatewayContext } from './context.ts'
import { httpErrorOf } from './http-errors.ts'
import { type Outcome, recordOutcome } from './outcome.ts'
import { requestIdOf } from './request-id.ts'
import { stickyKeyOf } from './sticky-key.ts'

/** A client that was refused early may still be sending: it gets this long to read the answer. */
export const LINGER_MS = 2_000
/** Of a body this small the rest is read after the answer, and the connection stays. */
const UNREAD_BYTES_MAX = 64 * 1024
const JSON_TYPE = { 'content-type': 'application/json' }

/** One request on the hot path and its answer: its headers, its metrics, its log line. */
export class Exchange {
  readonly request: IncomingMessage
  readonly id: string
  readonly #response: ServerResponse
  readonly #context: GatewayContext
  readonly #protocol: string
  readonly #query: string
  readonly #startedAt = performance.now()
  /** When its last byte came; until then its time does not run. */
  #receivedAt: number | undefined
  #isGone = false
  #onGone: (() => void) | undefined
  #isOver = false
  #onOver: (() => void) | undefined
  #route: Route | undefined
  #stages: Stages | undefined
  #examples = 0

  constructor(
    context: GatewayContext,
    protocol: string,
    request: IncomingMessage,
    response: ServerResponse,
    query: string,
  ) {
    this.#context = context
    this.#protocol = protocol
    this.request = request
    this.#response = response
    this.#query = query
    this.id = requestIdOf(request.headers['x-request-id'])
    request.once('end', () => {
      this.#receivedAt = performance.now()
    })
    response.on('close', () => {
      if (response.writableFinished) return
      this.#isGone = true
      this.#onGone?.()
      this.#end()
    })
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#query)
  }

  get timeLeftMs(): number {
    const now = performance.now()
    return this.#context.settings.requestTimeoutMs - (now - (this.#receivedAt ?? now))
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /**
   * Resolves when its answer is on its way or its client is gone: its body is needed no more. Asked
   * once at most.
   */
  over(): Promise<void> {
    return this.#isOver
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#onOver = resolve
        })
  }

  #end(): void {
    this.#isOver = true
    this.#onOver?.()
  }

  whenGone(giveUp: () => void): void {
    this.#onGone = giveUp
    if (this.#isGone) giveUp()
  }

  /** What decides the track of this request, where the model's users are to stay on one. */
  stickyKey({ stickiness }: Share): string | undefined {
    return stickyKeyOf(stickiness, this.request.headers)
  }

  routedTo(route: Route): void {
    this.#route = route
  }

  served(stages: Stages, examples: number): void {
    this.#stages = stages
    this.#examples = examples
  }

  reply(status: number, body: object): void {
    this.#send(status, JSON_TYPE, JSON.stringify(body))
    this.#finished('ok', status)
  }

  /** Answers with text, which leaves in one piece with the headers. */
  replyText(headers: Readonly<Record<string, string>>, text: string): void {
    this.#send(200, headers, text)
    this.#finished('ok', 200)
  }

  /** Answers with bytes, which are not copied. The headers say what they are. */
  replyBytes(headers: Readonly<Record<string, string>>, chunks: readonly Uint8Array[]): void {
    const response = this.#response
    const bytes = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
    response.writeHead(200, this.#headers(headers, bytes))
    response.cork()
    for (const chunk of chunks) response.write(chunk)
    response.end()
    response.uncork()
    this.#finished('ok', 200)
  }

  fail(thrown: unknown): void {
    const { status, code, headers, body } = httpErrorOf(thrown)
    if (status === 500) {
      this.#context.logger.error({ requestId: this.id, code, err: thrown }, 'a request failed')
    }
    if (!this.#response.headersSent && !this.#response.destroyed) {
      const all = { ...JSON_TYPE, ...headers }
      if (this.request.complete || hasLittleToRead(this.request)) this.#send(status, all, body)
      else this.#refuseEarly(status, all, body)
    }
    this.#finished(code, status)
  }

  #send(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    this.#response.writeHead(status, this.#headers(headers, Buffer.byteLength(body)))
    this.#response.end(body)
  }

  /**
   * Answers a client that is still sending. Closing at once would reset the connection and lose
   * the answer, so the rest is read and thrown away, for a while.
   */
  #refuseEarly(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    const response = this.#response
    const all = this.#headers({ ...headers, connection: 'close' }, Buffer.byteLength(body))
    response.writeHead(status, all)
    response.write(body)
    const finish = () => response.end()
    const timer = setTimeout(finish, LINGER_MS)
    response.on('close', () => clearTimeout(timer))
    this.request.on('end', finish)
    this.request.resume()
  }

  /** Names and values in turn: the form that node:http takes with the least work. */
  #headers(headers: Readonly<Record<string, string>>, bytes: number): string[] {
    const all = ['x-request-id', this.id]
    if (this.#route !== undefined) {
      const { servable, track } = this.#route
      all.push('x-model-name', servable.model, 'x-model-version', String(servable.version))
      all.push('x-model-track', track)
    }
    for (const name in headers) all.push(name, headers[name] ?? '')
    all.push('content-length', String(bytes))
    return all
  }

  #finished(outcome: Outcome['outcome'], status: number): void {
    this.#end()
    const { method, url } = this.request
    recordOutcome(this.#context, {
      requestId: () => this.id,
      protocol: this.#protocol,
      method: method ?? '',
      target: url ?? '',
      status,
      outcome,
      route: this.#route,
      stages: this.#stages,
      examples: this.#examples,
      totalMs: performance.now() - this.#startedAt,
    })
  }
}

/**
 * Whether no byte of the body is read yet, and few can come: node:http reads them by itself after
 * the answer. A client that waits to be told to go on may send the body or not.
 */
function hasLittleToRead({ headers, readableDidRead }: IncomingMessage): boolean {
  return (
    !readableDidRead &&
    headers['transfer-encoding'] === undefined &&
    headers.expect === undefined &&
    Number(headers['content-length'] ?? 0) <= UNREAD_BYTES_MAX
  )
}

import type { Buffer } from 'node:buffer'

import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js'

import { CutoverError } from '../../domain/errors.ts'
import { decodeInferMessage, type InferMessage } from '../../wire/v2/grpc/infer-message.ts'
import { encodeStreamError, encodeStreamResponse } from '../../wire/v2/grpc/infer-response.ts'
import type { GatewayContext } from '../context.ts'
import { GrpcExchange } from './grpc-exchange.ts'
import { sentenceOf, serviceErrorOf } from './grpc-errors.ts'
import { answerMessage } from './infer.ts'

/** Requests of one stream that are answered at a time; the next ones stay with the client. */
const INFLIGHT_MAX = 32

/**
 * A stream of inferences. Answers come in the order of the requests, several of which run at a
 * time; a request that fails is answered with a message, and the stream goes on. Once `closing` is
 * aborted it reads no more, and ends when what it has read is answered.
 */
export function modelStreamInfer(
  context: GatewayContext,
  closing: AbortSignal,
): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => new Stream(context, call, closing).start()
}

class Stream {
  readonly #context: GatewayContext
  readonly #call: ServerDuplexStream<Buffer, Buffer>
  readonly #closing: AbortSignal
  #answered: Promise<void> = Promise.resolve()
  #inflight = 0

  constructor(
    context: GatewayContext,
    call: ServerDuplexStream<Buffer, Buffer>,
    closing: AbortSignal,
  ) {
    this.#context = context
    this.#call = call
    this.#closing = closing
    // Those of the requests, of an answer that waits for its client, and `forget`.
    call.setMaxListeners(INFLIGHT_MAX + 2)
  }

  start(): void {
    const call = this.#call
    call.on('data', (message: Buffer) => this.#take(message))
    const close = () => {
      void this.#answered.then(() => {
        const leaving = new CutoverError('DRAINING', 'the server is shutting down')
        call.emit('error', serviceErrorOf(leaving))
      })
    }
    const forget = () => this.#closing.removeEventListener('abort', close)
    call.on('end', () => {
      forget()
      void this.#answered.then(() => call.end())
    })
    call.on('cancelled', forget)
    if (this.#closing.aborted) close()
    else this.#closing.addEventListener('abort', close, { once: true })
  }

  #take(message: Buffer): void {
    if (this.#closing.aborted) return
    this.#inflight++
    if (this.#inflight >= INFLIGHT_MAX) this.#call.pause()
    const answer = this.#answer(message)
    this.#answered = this.#answered.then(async () => {
      await this.#write(await answer)
      this.#inflight--
      if (!this.#closing.aborted) this.#call.resume()
    })
  }

  /** Never rejects: what went wrong is an answer. */
  async #answer(bytes: Buffer): Promise<Buffer> {
    const exchange = new GrpcExchange(this.#context, this.#call)
    let message: InferMessage | undefined
    try {
      const response = await answerMessage(
        this.#context,
        exchange,
        () => (message = decodeInferMessage(bytes)),
      )
      const encoded = encodeStreamResponse(response)
      exchange.succeeded()
      return encoded
    } catch (error) {
      const { id = '', model = '', version = '' } = message ?? {}
      return encodeStreamError(sentenceOf(exchange.failed(error)), { id, model, version })
    }
  }

  /** Resolves when the client has room for more, or is gone. */
  async #write(answer: Buffer): Promise<void> {
    const call = this.#call
    if (call.cancelled || call.write(answer)) return
    await new Promise<void>((resolve) => {
      const done = () => {
        call.off('drain', done)
        call.off('cancelled', done)
        resolve()
      }
      call.on('drain', done)
      call.on('cancelled', done)
    })
  }
}

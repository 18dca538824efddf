import type { ServerResponse } from 'node:http'

import { CutoverError } from '../domain/errors.ts'
import type { EventHub } from '../telemetry/event-hub.ts'

const STREAMS_MAX = 32
const HEARTBEAT_MS = 15_000
const RECONNECT_MS = 2_000

export interface StreamOptions {
  /** The id of the last event that the client saw; undefined: only what happens from now on. */
  readonly since: string | undefined
  readonly model: string | undefined
}

/**
 * Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html) to a bounded
 * number of clients. One that reads too slowly is not buffered for: it gets the rest from what is
 * kept when it reads on, and is cut off when it reads nothing for longer than
 * a heartbeat.
 */
export class EventStreams {
  readonly #hub: EventHub
  readonly #heartbeatMs: number
  readonly #open = new Set<ServerResponse>()

  constructor(hub: EventHub, heartbeatMs: number = HEARTBEAT_MS) {
    this.#hub = hub
    this.#heartbeatMs = heartbeatMs
  }

  /** Answers with a stream that ends with the connection. Throws QUEUE_FULL. */
  open(response: ServerResponse, { since, model }: StreamOptions): void {
    if (this.#open.size >= STREAMS_MAX) {
      throw new CutoverError('QUEUE_FULL', `there are ${STREAMS_MAX} event streams already`)
    }
    this.#open.add(response)
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    let last = since ?? this.#hub.lastId
    // An id alone makes a client that reconnects before the first event say where it was.
    const idLine = since === undefined ? `id: ${last}\n` : ''
    let isReading = response.write(`retry: ${RECONNECT_MS}\n${idLine}\n`)

    const writeOn = () => {
      if (!isReading || response.writableEnded || response.destroyed) return
      for (const event of this.#hub.after(last).events) {
        last = event.id
        if (model !== undefined && event.model !== model) continue
        isReading = response.write(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`)
        if (!isReading) return
      }
    }
    const unsubscribe = this.#hub.subscribe(writeOn)
    response.on('drain', () => {
      isReading = true
      wasStalled = false
      writeOn()
    })
    let wasStalled = false
    const heartbeat = setInterval(() => {
      if (isReading) isReading = response.write(':\n\n')
      else if (wasStalled) response.destroy()
      wasStalled = !isReading
    }, this.#heartbeatMs)
    response.on('close', () => {
      clearInterval(heartbeat)
      unsubscribe()
      this.#open.delete(response)
    })
    writeOn()
  }

  close(): void {
    for (const response of this.#open) response.end()
  }
}

import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { afterAll } from 'vitest'

export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly event: { readonly id: string; readonly kind: string; readonly [key: string]: unknown }
}

/** An HTTP server that webhooks send to, and what it got in all attempts. */
export class WebhookReceiver {
  readonly received: Received[] = []
  /** How the next attempts are answered; without: 204 at once. */
  answer: (response: ServerResponse, attempt: number) => void = (response) =>
    response.writeHead(204).end()
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      void text(request).then((body) => {
        const event = JSON.parse(body) as Received['event']
        this.received.push({ headers: request.headers, body, event })
        this.answer(response, this.received.length)
      })
    })
  }

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver()
    receiver.#server.listen(0, '127.0.0.1')
    await once(receiver.#server, 'listening')
    receivers.add(receiver)
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hooks/s3cret`
  }

  get ids(): string[] {
    return this.received.map(({ event }) => event.id)
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

const receivers = new Set<WebhookReceiver>()
afterAll(() => {
  for (const receiver of receivers) receiver.stop()
})

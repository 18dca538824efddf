import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const HOST = '127.0.0.1'
const KEEP_ALIVE_MS = 60_000
const PORT_WAIT_MS = 5_000

/** An HTTP listener on a port of its own that can go away and come back. */
export class Listener {
  readonly #server: Server
  #port = 0
  #return: NodeJS.Timeout | undefined

  constructor(handler: RequestListener) {
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, handler)
  }

  get endpoint(): string {
    return `http://${HOST}:${this.#port}`
  }

  /** Listens: on a free port at first, later on the same. */
  async up(): Promise<void> {
    clearTimeout(this.#return)
    const deadline = Date.now() + PORT_WAIT_MS
    while (!this.#server.listening) {
      try {
        this.#server.listen(this.#port, HOST)
        await once(this.#server, 'listening')
      } catch (error) {
        // Some outgoing connection of this machine may have been given the port meanwhile.
        if (Date.now() > deadline) throw error
        await sleep(50)
      }
    }
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Resets every connection and refuses new ones: for so long, or until `up()`. */
  down(forMs?: number): void {
    clearTimeout(this.#return)
    if (this.#server.listening) this.#server.close()
    this.#server.closeAllConnections()
    if (forMs !== undefined) {
      this.#return = setTimeout(() => {
        this.up().catch((error: unknown) => this.#server.emit('error', error))
      }, forMs)
    }
  }
}

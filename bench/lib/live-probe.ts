import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const INTERVAL_MS = 5
const TIMEOUT_MS = 10_000

/** Asks GET /healthz/live over and over on one connection while something else goes on. */
export class LiveProbe {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #latenciesMs: number[] = []
  readonly #loop: Promise<void>
  #stopping = false

  constructor(port: number) {
    this.#loop = this.#run(port)
  }

  /** The time of each answer. Rejects when an answer was not 200 or did not come. */
  async stop(): Promise<number[]> {
    this.#stopping = true
    await this.#loop
    this.#agent.destroy()
    return this.#latenciesMs
  }

  async #run(port: number): Promise<void> {
    // The first answer opens the connection and is not counted.
    await this.#once(port)
    while (!this.#stopping) {
      const askedAt = performance.now()
      await this.#once(port)
      this.#latenciesMs.push(performance.now() - askedAt)
      await sleep(INTERVAL_MS)
    }
  }

  #once(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, host: '127.0.0.1', port, path: '/healthz/live' }
      const request = get({ ...options, timeout: TIMEOUT_MS }, (answer) => {
        answer.resume()
        answer.on('error', reject)
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve()
          else reject(new Error(`/healthz/live answered ${answer.statusCode}`))
        })
      })
      request.on('timeout', () => request.destroy(new Error('/healthz/live did not answer')))
      request.on('error', reject)
    })
  }
}

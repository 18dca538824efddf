import { setTimeout as sleep } from 'node:timers/promises'

import { predict } from './client.ts'

export interface LoadReport {
  readonly answers: number
  /** How often each class was answered. */
  readonly classes: ReadonlyMap<number, number>
  /** Everything that was not a 200, as `status code sentence`. */
  readonly failures: readonly string[]
}

/**
 * Posts one image again and again from `clients` clients at once, until it is stopped; each waits
 * `pauseMs` between an answer and its next request. Each client's last request is sent after the
 * stop: what the server answers with by then is in the report.
 */
export function startLoad(url: string, image: Uint8Array, clients: number, pauseMs = 0) {
  const failures: string[] = []
  const classes = new Map<number, number>()
  let answers = 0
  const stop = new AbortController()
  async function client() {
    let last: boolean
    do {
      last = stop.signal.aborted
      try {
        const { status, body } = await predict(url, image)
        answers++
        if (status !== 200 || body.class_index === undefined) {
          failures.push(`${status} ${body.code} ${body.error}`)
        } else {
          classes.set(body.class_index, (classes.get(body.class_index) ?? 0) + 1)
        }
      } catch (error) {
        failures.push(String(error instanceof Error ? (error.cause ?? error) : error))
      }
      if (pauseMs > 0) await sleep(pauseMs)
    } while (!last)
  }
  const done = Promise.all(Array.from({ length: clients }, client))
  return {
    get answers() {
      return answers
    },
    async stop(): Promise<LoadReport> {
      stop.abort()
      await done
      return { answers, classes, failures }
    },
  }
}

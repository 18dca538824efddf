import type { Stratum } from '../domain/evidence.ts'
import { deferred } from '../lib/deferred.ts'
import type { EngineRequest, EngineResult } from './engine-child.ts'

/** Counts the requests of the whole server, over all models. */
export interface Occupancy {
  inflight: number
}

export interface PoolResult {
  readonly result: EngineResult
  /** From arrival to the start of the attempt that answered. */
  readonly queueMs: number
  /** Where it ran. */
  readonly stratum: Stratum
}

/** A request from its arrival to its answer; it counts as in the server for as long. */
export class Waiter {
  readonly request: EngineRequest
  readonly promise: Promise<PoolResult>
  readonly arrivedAt = performance.now()
  readonly #answer = deferred<PoolResult>()
  readonly #occupancy: Occupancy
  timer: NodeJS.Timeout | undefined
  suspect = false
  /** Its deadline is over or its client is gone. */
  abandoned = false
  #isOver = false

  constructor(request: EngineRequest, occupancy: Occupancy) {
    this.request = request
    this.promise = this.#answer.promise
    this.#occupancy = occupancy
    occupancy.inflight++
  }

  resolve(result: PoolResult): void {
    this.#end()
    this.#answer.resolve(result)
  }

  reject(error: unknown): void {
    this.#end()
    this.#answer.reject(error)
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.timer)
    this.#occupancy.inflight--
  }
}

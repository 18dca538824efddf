import { CLIENT_GONE, CutoverError, type ErrorCode } from '../domain/errors.ts'
import type { Place } from '../domain/evidence.ts'
import type { RunRequest, RunResult } from '../wire/run-message.ts'

/** The deadline of a request passed while an engine had it: it took too long, nobody knows how long. */
export class DeadlineInEngine extends CutoverError {
  /** Where it ran, and for how long at the least. */
  readonly place: Place
  readonly ranMs: number

  constructor({ deadlineMs, place, ranMs }: Waiter) {
    super('DEADLINE_EXCEEDED', noAnswerWithin(deadlineMs))
    this.place = place
    this.ranMs = ranMs
  }
}

/**
 * The client went while an engine had its request, which the engine goes on with: whoever wants to
 * know what became of it is told in the end.
 */
export class GivenUpInEngine extends CutoverError {
  readonly #waiter: Waiter

  constructor(waiter: Waiter) {
    super('REQUEST_ABORTED', CLIENT_GONE)
    this.#waiter = waiter
  }

  /** Called once, with the answer or with why there is none. */
  onEnd(listener: (end: PoolResult | CutoverError) => void): void {
    this.#waiter.onLateEnd = listener
  }
}

/** The process that a request was in, or was to be in, ended, and another version is to answer it. */
export class LeftToStandIn extends CutoverError {
  /** Of the requests that a process took along when it ended by itself, one: the oldest. */
  readonly isBlamed: boolean

  constructor(code: ErrorCode, message: string, isBlamed: boolean) {
    super(code, message)
    this.isBlamed = isBlamed
  }
}

export function noAnswerWithin(deadlineMs: number): string {
  return `no answer within ${deadlineMs} ms`
}

/** Counts the requests of the whole server, over all models. */
export interface Occupancy {
  inflight: number
}

export interface PoolResult {
  readonly result: RunResult
  /** From arrival to the start of the attempt that answered. */
  readonly queueMs: number
  /** Where it ran. */
  readonly place: Place
}

/** A request from its arrival to its answer; it counts as in the server for as long. */
export class Waiter {
  readonly request: RunRequest
  readonly deadlineMs: number
  /** It is not run again here: another version answers what this one's processes end under. */
  readonly hasStandIn: boolean
  readonly arrivedAt = performance.now()
  readonly #occupancy: Occupancy
  readonly #resolve: (result: PoolResult) => void
  readonly #reject: (reason: unknown) => void
  timer: NodeJS.Timeout | undefined
  /** Of the attempt under way. */
  queueMs = 0
  place: Place = 'shared'
  /** Processes that ended under it: from the first on it runs in one of its own. */
  ends = 0
  /** Its deadline is over or its client is gone. */
  abandoned = false
  /** Is told how it ended after it was given up. */
  onLateEnd: ((end: PoolResult | CutoverError) => void) | undefined
  #isOver = false

  constructor(
    { request, deadlineMs, hasStandIn }: Pick<Waiter, 'request' | 'deadlineMs' | 'hasStandIn'>,
    occupancy: Occupancy,
    resolve: (result: PoolResult) => void,
    reject: (reason: unknown) => void,
  ) {
    this.request = request
    this.deadlineMs = deadlineMs
    this.hasStandIn = hasStandIn
    this.#occupancy = occupancy
    this.#resolve = resolve
    this.#reject = reject
    occupancy.inflight++
  }

  /** Of the attempt under way, until now. */
  get ranMs(): number {
    return performance.now() - this.arrivedAt - this.queueMs
  }

  resolve(result: RunResult): void {
    const answer = { result, queueMs: this.queueMs, place: this.place }
    this.#end()
    this.#resolve(answer)
    this.onLateEnd?.(answer)
  }

  reject(error: CutoverError): void {
    this.#end()
    this.#reject(error)
    this.onLateEnd?.(error)
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.timer)
    this.#occupancy.inflight--
  }
}

import { clientGone, CutoverError, messageOf } from '../domain/errors.ts'
import { backoffMs } from '../lib/backoff.ts'
import { smoothed } from '../lib/smoothed.ts'
import type { LoadStep } from '../wire/engine-protocol.ts'
import type { RunRequest } from '../wire/run-message.ts'
import { type EngineLoad, inflightFor, nextDispatch } from './dispatch.ts'
import { Engine } from './engine.ts'
import { type EngineEnding, EngineGone, type EngineOptions, type RunEnd } from './engine-child.ts'
import {
  DeadlineInEngine,
  GivenUpInEngine,
  LeftToStandIn,
  noAnswerWithin,
  type Occupancy,
  type PoolResult,
  Waiter,
} from './waiter.ts'

export { DeadlineInEngine, GivenUpInEngine, LeftToStandIn }
export type { Occupancy, PoolResult }

const RESTART_BACKOFF = { firstMs: 200, maxMs: 30_000 }
/** An engine that answered this many requests works: its next crash is restarted at once. */
const ANSWERS_TO_TRUST = 10
/** Processes that may end under a request; of those that others ended one more. */
const ENDS_MAX = 2
const ENDS_BY_OUTSIDERS_MAX = 3

export interface PoolOptions {
  readonly engines: number
  /**
   * Requests that one engine holds at a time: while one runs, the next is decoded. It holds more
   * of those that are over in no time.
   */
  readonly inflightPerEngineMax: number
  readonly queueLengthMax: number
  /** Threads of the session for a request that is alone in the server; 0: none. */
  readonly threadsAlone: number
  readonly engine: Omit<EngineOptions, 'onStep'>
  /** How far the engines are while they load. */
  readonly onStep?: (step: LoadStep, engine: { index: number; count: number }) => void
  readonly occupancy: Occupancy
  readonly observer: PoolObserver
}

interface RunOptions {
  readonly deadlineMs: number
  /**
   * Another version answers what this one's processes end under: instead of being run again, or of
   * waiting while no process is up, it is left to that one.
   */
  readonly hasStandIn?: boolean
  /** Is told, before the request can end, how to give it up. */
  readonly onStart?: (giveUp: () => void) => void
}

/** What the pool tells of its engines' lives. */
export interface PoolObserver {
  engineEnded(ending: EngineEnding, pid: number, restartMs: number): void
  engineStarted(pid: number): void
  requestRetried(): void
  /** A request ended two processes, or three, the last one while alone in it. */
  requestPoisonous(): void
}

type Slot =
  | { readonly kind: 'starting' }
  | { readonly kind: 'backoff'; readonly timer: NodeJS.Timeout }
  | RunningSlot

class RunningSlot implements EngineLoad {
  readonly kind = 'running'
  readonly engine: Engine
  readonly hasAlone: boolean
  inflight = 0
  exclusive = false
  answers = 0
  /** A request was told that its process ended: the oldest it held, as they are told in order. */
  isBlameTaken = false

  constructor(engine: Engine, hasAlone: boolean) {
    this.engine = engine
    this.hasAlone = hasAlone
  }

  get alive(): boolean {
    return this.engine.alive
  }
}

/**
 * The engines of one loaded version, and the queue before them.
 *
 * Guarantees: requests are answered in about the order they came; the queue is bounded
 * (QUEUE_FULL); an engine that ends by itself is replaced, at once or with back-off when it ends
 * again before it has answered anything; a request whose process ended under it is run once more,
 * alone in a process, and only if that one ends too does it fail: the third one where another process
 * killed the second.
 */
export class EnginePool {
  readonly #options: PoolOptions
  readonly #slots: Slot[] = []
  /** Those of the slots that have an engine, which may have ended. */
  #started: RunningSlot[] = []
  /** Service time of a request in an engine, smoothed; before the first answer, unknown. */
  #serviceMs = Infinity
  readonly #crashes: number[] = []
  readonly #queue = new Set<Waiter>()
  readonly #suspects = new Set<Waiter>()
  readonly #stopping = new AbortController()
  /** Starts of replacements; they never reject, and end early when the pool closes. */
  readonly #replacing = new Set<Promise<void>>()
  #loading = true
  #info: Engine['info'] | undefined

  private constructor(options: PoolOptions) {
    this.#options = options
  }

  /**
   * Starts every engine. The first one loads alone, so that a broken version is opened once; the
   * others one after the other, or all at once while at least half of the server is idle. Rejects,
   * with no process left, when one does not load.
   */
  static async start(options: PoolOptions, signal: AbortSignal): Promise<EnginePool> {
    const pool = new EnginePool(options)
    const rest = Array.from({ length: options.engines - 1 }, (_, i) => i + 1)
    try {
      const first = pool.#startEngine(0, signal)
      if (options.occupancy.inflight * 2 <= options.engines) {
        // Their processes get ready while the first one loads.
        const others = rest.map((index) => pool.#startEngine(index, signal, first))
        await allOrFirstFailure([first, ...others])
      } else {
        await first
        for (const index of rest) await pool.#startEngine(index, signal)
      }
      pool.#loading = false
      return pool
    } catch (error) {
      await pool.close()
      throw error
    }
  }

  /** What the first engine said of the model. */
  get info(): Engine['info'] {
    if (this.#info === undefined) throw new CutoverError('INTERNAL', 'no engine has started')
    return this.#info
  }

  /** Where the engines run that are up: another device, too, where a replacement found no GPU. */
  get device(): string {
    const devices = new Set(this.#running().map(({ engine }) => engine.info.device))
    return devices.size === 0 ? this.info.device : [...devices].sort().join('+')
  }

  get enginesReady(): number {
    return this.#running().length
  }

  get queueLength(): number {
    return this.#queue.size + this.#suspects.size
  }

  get inflight(): number {
    return this.#running().reduce((sum, slot) => sum + slot.inflight, 0)
  }

  get pids(): number[] {
    return this.#running().map(({ engine }) => engine.pid)
  }

  /**
   * Answers a request. Rejects with QUEUE_FULL, DEADLINE_EXCEEDED when `deadlineMs` are over,
   * REQUEST_ABORTED when it was given up by what `onStart` was told, LeftToStandIn, or what the engine
   * made of it.
   */
  run(
    request: RunRequest,
    { deadlineMs, hasStandIn = false, onStart }: RunOptions,
  ): Promise<PoolResult> {
    if (this.queueLength >= this.#options.queueLengthMax) {
      return Promise.reject(
        new CutoverError(
          'QUEUE_FULL',
          `${this.queueLength} requests are waiting for this model already; try again later`,
        ),
      )
    }
    if (hasStandIn && this.enginesReady === 0) return Promise.reject(noEngine())
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(
        { request, deadlineMs, hasStandIn },
        this.#options.occupancy,
        resolve,
        reject,
      )
      waiter.timer = setTimeout(this.#expire, deadlineMs, waiter)
      this.#queue.add(waiter)
      onStart?.(() => {
        const error = this.#isQueued(waiter) ? clientGone() : new GivenUpInEngine(waiter)
        this.#giveUp(waiter, error)
      })
      this.#dispatch()
    })
  }

  /** Ends every engine; requests that still wait are rejected. Resolves when no process is left. */
  async close(): Promise<void> {
    this.#stopping.abort()
    for (const slot of this.#slots) if (slot.kind === 'backoff') clearTimeout(slot.timer)
    for (const waiter of [...this.#queue, ...this.#suspects]) waiter.reject(beingUnloaded())
    this.#queue.clear()
    this.#suspects.clear()
    await Promise.all([...this.#running().map(({ engine }) => engine.close()), ...this.#replacing])
  }

  readonly #expire = (waiter: Waiter): void => {
    const error = this.#isQueued(waiter)
      ? new CutoverError('DEADLINE_EXCEEDED', noAnswerWithin(waiter.deadlineMs))
      : new DeadlineInEngine(waiter)
    this.#giveUp(waiter, error)
  }

  #isQueued(waiter: Waiter): boolean {
    return this.#queue.has(waiter) || this.#suspects.has(waiter)
  }

  #giveUp(waiter: Waiter, error: CutoverError): void {
    waiter.abandoned = true
    this.#queue.delete(waiter)
    this.#suspects.delete(waiter)
    waiter.reject(error)
  }

  #place(index: number, slot: Slot): void {
    this.#slots[index] = slot
    this.#started = this.#slots.filter((each) => each.kind === 'running')
  }

  #running(): RunningSlot[] {
    return this.#started.filter(({ alive }) => alive)
  }

  async #startEngine(index: number, signal: AbortSignal, after?: Promise<void>): Promise<void> {
    const { engine: options, engines: count, threadsAlone, observer, onStep } = this.#options
    this.#place(index, { kind: 'starting' })
    // One engine keeps the session for a lone request: a lone request needs only one.
    const hasAlone = index === 0 && threadsAlone > 0
    const load = { ...options.load, threadsAlone: hasAlone ? threadsAlone : 0 }
    const either = AbortSignal.any([signal, this.#stopping.signal])
    const engine = await Engine.start(
      // A replacement is no news to whoever waited for the version to load.
      { ...options, load, onStep: (step) => this.#loading && onStep?.(step, { index, count }) },
      either,
      after,
    )
    if (either.aborted) {
      // It was ready already, and whoever closes the pool does not know it.
      await engine.close()
      either.throwIfAborted()
    }
    const slot = new RunningSlot(engine, hasAlone)
    this.#place(index, slot)
    this.#info ??= engine.info
    observer.engineStarted(engine.pid)
    void engine.ended.then((ending) => {
      if (this.#stopping.signal.aborted) return
      if (slot.answers >= ANSWERS_TO_TRUST) this.#crashes[index] = 0
      this.#restart(index, ending, engine.pid)
    })
    this.#dispatch()
  }

  #restart(index: number, ending: EngineEnding, pid: number): void {
    const crashes = this.#crashes[index] ?? 0
    const delayMs = backoffMs(crashes, RESTART_BACKOFF)
    this.#crashes[index] = crashes + 1
    this.#options.observer.engineEnded(ending, pid, delayMs)
    const timer = setTimeout(() => {
      const replacing = this.#replace(index).finally(() => this.#replacing.delete(replacing))
      this.#replacing.add(replacing)
    }, delayMs)
    this.#place(index, { kind: 'backoff', timer })
    if (this.enginesReady > 0) return
    for (const waiter of this.#queue) if (waiter.hasStandIn) this.#giveUp(waiter, noEngine())
  }

  async #replace(index: number): Promise<void> {
    try {
      await this.#startEngine(index, this.#stopping.signal)
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      const reason = `it did not start again: ${messageOf(error)}`
      this.#restart(index, { kind: 'crashed', reason }, -1)
    }
  }

  #dispatch(): void {
    const { inflightPerEngineMax, occupancy, engine } = this.#options
    if (this.queueLength === 0) return
    const inflight = inflightFor(
      this.#serviceMs,
      inflightPerEngineMax,
      engine.load.batching?.sizeMax ?? 0,
    )
    while (this.queueLength > 0) {
      const alone = occupancy.inflight === 1
      const waiting = { suspects: this.#suspects.size > 0, requests: this.#queue.size > 0, alone }
      const next = nextDispatch(this.#started, waiting, inflight)
      if (next.kind === 'wait') return
      const slot = this.#started[next.engine]
      const from = next.kind === 'suspect' ? this.#suspects : this.#queue
      const [waiter] = from
      if (slot === undefined || waiter === undefined) return
      from.delete(waiter)
      this.#attempt(slot, waiter, alone && slot.hasAlone)
    }
  }

  #attempt(slot: RunningSlot, waiter: Waiter, alone: boolean): void {
    waiter.place = alone ? 'alone' : slot.inflight === 0 ? 'single' : 'shared'
    waiter.queueMs = performance.now() - waiter.arrivedAt
    slot.inflight++
    slot.exclusive = waiter.ends > 0
    slot.engine.run(waiter.request, alone, (end) => {
      slot.inflight--
      slot.exclusive = false
      this.#ended(slot, waiter, end)
      this.#dispatch()
    })
  }

  #ended(slot: RunningSlot, waiter: Waiter, end: RunEnd): void {
    if (end instanceof CutoverError) {
      if (end instanceof EngineGone) this.#suspect(slot, waiter, end)
      else waiter.reject(end)
      return
    }
    slot.answers++
    const { preprocessMs, inferenceMs, sharedBy } = end.timings
    this.#serviceMs = smoothed(this.#serviceMs, preprocessMs + inferenceMs / sharedBy)
    waiter.resolve(end)
  }

  #suspect(slot: RunningSlot, waiter: Waiter, error: EngineGone): void {
    const { observer } = this.#options
    const isOldest = !slot.isBlameTaken
    slot.isBlameTaken = true
    if (this.#stopping.signal.aborted) {
      waiter.reject(beingUnloaded())
      return
    }
    waiter.ends++
    if (waiter.ends >= (error.byOutsider ? ENDS_BY_OUTSIDERS_MAX : ENDS_MAX)) {
      observer.requestPoisonous()
      const sentence = `this request ended ${waiter.ends} engine processes; ${error.message}`
      waiter.reject(new CutoverError(error.code, sentence, { cause: error }))
      return
    }
    if (waiter.abandoned) {
      // It is not run again, so nobody will know whether it was the culprit: but the oldest that hung.
      const isCulprit = error.code === 'ENGINE_TIMEOUT' && waiter.place !== 'shared'
      waiter.reject(isCulprit ? error : clientGone())
      return
    }
    if (waiter.hasStandIn) {
      const isBlamed = isOldest && !error.byOutsider
      waiter.reject(new LeftToStandIn(error.code, error.message, isBlamed))
      return
    }
    observer.requestRetried()
    this.#suspects.add(waiter)
  }
}

/** Waits for all to settle, so that a failure leaves nothing starting behind it. */
async function allOrFirstFailure(starts: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(starts)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

function noEngine(): LeftToStandIn {
  return new LeftToStandIn('ENGINE_CRASHED', 'no engine of this version is up', false)
}

function beingUnloaded(): CutoverError {
  return new CutoverError('MODEL_NOT_READY', 'the version is being unloaded')
}

import { deferred } from './deferred.ts'

/**
 * Runs a task again and again, one run at a time, at the earliest of the times that were asked
 * for. What asks while it runs arranges the next run, however often it asks. The task throws only
 * what is a bug, or what whoever calls `run` is to know; it can run again after that.
 */
export class RepeatedTask {
  readonly #task: () => Promise<void>
  #timer: NodeJS.Timeout | undefined
  #dueAtMs = Infinity
  #running: Promise<void> = Promise.resolve()
  /** Of the run that has not begun. */
  #next = deferred<void>()
  #closed = false

  constructor(task: () => Promise<void>) {
    this.#task = task
  }

  get closed(): boolean {
    return this.#closed
  }

  runIn(delayMs: number): void {
    const atMs = performance.now() + delayMs
    if (this.#closed || atMs >= this.#dueAtMs) return
    clearTimeout(this.#timer)
    this.#dueAtMs = atMs
    this.#timer = setTimeout(() => void this.run(), delayMs)
  }

  /** Resolves at the end of a run that begins from now on, in `delayMs` at the latest. */
  next(delayMs: number): Promise<void> {
    this.runIn(delayMs)
    return this.#closed ? Promise.resolve() : this.#next.promise
  }

  /** Runs it after the run under way. Throws what the task throws. */
  run(): Promise<void> {
    const run = this.#running.then(async () => {
      this.#dueAtMs = Infinity
      const { resolve } = this.#next
      this.#next = deferred()
      try {
        if (!this.#closed) await this.#task()
      } finally {
        resolve()
      }
    })
    this.#running = run.catch(() => {})
    return run
  }

  /** Resolves when it does not run and will not again. */
  close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#next.resolve()
    return this.#running
  }
}

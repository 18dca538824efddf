/**
 * Runs a task again and again, one run at a time, at the earliest of the times that were asked
 * for. What asks while it runs arranges the next run, however often it asks. The task does not
 * throw.
 */
export class RepeatedTask {
  readonly #task: () => Promise<void>
  #timer: NodeJS.Timeout | undefined
  #dueAtMs = Infinity
  #running: Promise<void> = Promise.resolve()
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

  /** Runs it after the run under way. */
  run(): Promise<void> {
    const before = this.#running
    this.#running = before.then(() => {
      this.#dueAtMs = Infinity
      return this.#closed ? undefined : this.#task()
    })
    return this.#running
  }

  /** Resolves when it does not run and will not again. */
  close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    return this.#running
  }
}

import { residentBytes } from './resident-bytes.ts'

const INTERVAL_MS = 200

export interface MemoryWatchOptions {
  readonly bytesMax: number
  /** Called once. */
  readonly onExceeded: (bytes: number) => void
  /** A process without work does not grow: it is not looked at until `wake`. Absent: it has work. */
  readonly isBusy?: () => boolean
}

/**
 * Tells when a process holds more than `bytesMax` of resident memory. It reads /proc, because a
 * process whose thread is inside a model cannot report on itself; elsewhere than on Linux nothing
 * is watched.
 */
export class MemoryWatch {
  readonly #pid: number
  readonly #options: MemoryWatchOptions
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(pid: number, options: MemoryWatchOptions) {
    this.#pid = pid
    this.#options = options
    this.wake()
  }

  /** The process got work. */
  wake(): void {
    if (this.#timer !== undefined || this.#stopped) return
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS).unref()
  }

  stop(): void {
    this.#stopped = true
    this.#rest()
  }

  #look(): void {
    const { bytesMax, onExceeded, isBusy = () => true } = this.#options
    const bytes = heldBytes(this.#pid)
    if (bytes > bytesMax) {
      this.stop()
      onExceeded(bytes)
    } else if (!isBusy()) {
      this.#rest()
    }
  }

  #rest(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** Nothing, where the process is gone or nobody knows. */
function heldBytes(pid: number): number {
  try {
    return residentBytes(pid)
  } catch {
    return 0
  }
}

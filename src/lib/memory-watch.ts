import { readFileSync } from 'node:fs'

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
    const bytes = residentBytes(this.#pid)
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

function residentBytes(pid: number): number {
  try {
    // Not statm, which counts pages: their size is not the same everywhere.
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

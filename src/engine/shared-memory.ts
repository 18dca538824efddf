import { randomUUID } from 'node:crypto'
import { closeSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs'

import { paddedBytes } from '../wire/frame.ts'

const DIR = '/dev/shm'
/** Less fits into the buffer of a socket, and is there when the engine is ready for it. */
const BYTES_MIN = 128 * 1024
const SLOT_BYTES = 4 * 1024 * 1024
/** One engine holds few large requests at a time. */
const SLOTS = 4

/**
 * Memory that the server writes and one engine process reads: a file without a name that lies in
 * memory and goes with the two processes. A socket holds a fifth of a megabyte, so that an engine
 * that computes gets no more of its next large request, and both wait for each other afterwards.
 */
export class SharedMemory {
  /** To be inherited by the process. */
  readonly fd: number
  #free = Array.from({ length: SLOTS }, (_, slot) => slot * SLOT_BYTES)
  #isClosed = false

  private constructor(fd: number) {
    this.fd = fd
  }

  /** Undefined where there is no such memory, and all goes through the socket. */
  static open(): SharedMemory | undefined {
    const file = `${DIR}/cutover-${randomUUID()}`
    try {
      const fd = openSync(file, 'wx+', 0o600)
      unlinkSync(file)
      // Takes no memory before it is written.
      ftruncateSync(fd, SLOTS * SLOT_BYTES)
      return new SharedMemory(fd)
    } catch {
      return undefined
    }
  }

  /**
   * Writes the parts, each at a multiple of 8, and answers where they begin, which is theirs until
   * `giveBack`. Undefined when they are small, too large, or there is no room.
   */
  put(parts: readonly Uint8Array[]): number | undefined {
    let bytes = 0
    for (const part of parts) bytes += paddedBytes(part.byteLength)
    if (bytes < BYTES_MIN || bytes > SLOT_BYTES) return undefined
    const at = this.#free.pop()
    if (at === undefined) return undefined
    if (this.#write(parts, at)) return at
    this.giveBack(at)
    return undefined
  }

  giveBack(at: number): void {
    if (!this.#isClosed) this.#free.push(at)
  }

  /** From now on nothing is put. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#free = []
    closeSync(this.fd)
  }

  /** Answers false when the system has no memory left for it. */
  #write(parts: readonly Uint8Array[], at: number): boolean {
    let offset = at
    try {
      for (const part of parts) {
        if (writeSync(this.fd, part, 0, part.byteLength, offset) < part.byteLength) return false
        offset += paddedBytes(part.byteLength)
      }
      return true
    } catch {
      return false
    }
  }
}

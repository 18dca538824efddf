import { randomUUID } from 'node:crypto'
import { closeSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs'

import { bodyBytesOf, paddedBytes } from '../wire/frame.ts'

const DIR = '/dev/shm'
const SLOT_BYTES = 4 * 1024 * 1024

/** What goes through the memory, and how much of it at a time. */
export interface Room {
  /** A body of fewer bytes goes through the socket. */
  readonly bytesMin: number
  readonly slots: number
}

/**
 * Less fits into the buffer of a socket, and is there when the engine is ready for it; and one engine
 * holds few large requests at a time.
 */
const ONE_BY_ONE: Room = { bytesMin: 128 * 1024, slots: 4 }
/** All that is to share a run must be there when the run begins, and only small headers on the way. */
const SHARING_BYTES_MIN = 4096
const SHARING_SLOTS_MAX = 64

/** `batchSizeMax`: requests that share a run at the most; 0: each has its own. */
export function roomFor(batchSizeMax: number): Room {
  if (batchSizeMax === 0) return ONE_BY_ONE
  const slots = Math.min(SHARING_SLOTS_MAX, Math.max(ONE_BY_ONE.slots, 2 * batchSizeMax))
  return { bytesMin: SHARING_BYTES_MIN, slots }
}

/**
 * Memory that the server writes and one engine process reads: a file without a name that lies in
 * memory and goes with the two processes. A socket holds a fifth of a megabyte, so that an engine
 * that computes gets no more of its next large request, and both wait for each other afterwards.
 */
export class SharedMemory {
  /** To be inherited by the process. */
  readonly fd: number
  readonly #bytesMin: number
  #free: number[]
  #isClosed = false

  private constructor(fd: number, { bytesMin, slots }: Room) {
    this.fd = fd
    this.#bytesMin = bytesMin
    this.#free = Array.from({ length: slots }, (_, slot) => slot * SLOT_BYTES)
  }

  /** Undefined where there is no such memory, and all goes through the socket. */
  static open(room: Room): SharedMemory | undefined {
    const file = `${DIR}/cutover-${randomUUID()}`
    try {
      const fd = openSync(file, 'wx+', 0o600)
      unlinkSync(file)
      // Takes no memory before it is written.
      ftruncateSync(fd, room.slots * SLOT_BYTES)
      return new SharedMemory(fd, room)
    } catch {
      return undefined
    }
  }

  /**
   * Writes the parts, each at a multiple of 8, and answers where they begin, which is theirs until
   * `giveBack`. Undefined when they are small, too large, or there is no room.
   */
  put(parts: readonly Uint8Array[]): number | undefined {
    const bytes = bodyBytesOf(parts)
    if (bytes < this.#bytesMin || bytes > SLOT_BYTES) return undefined
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

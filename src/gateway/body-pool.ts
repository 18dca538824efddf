import { Buffer } from 'node:buffer'

const SLAB_BYTES_MIN = 16 * 1024
const SLAB_BYTES_MAX = 1024 * 1024
/** Memory that may lie idle in all sizes together. */
const IDLE_BYTES_MAX = 32 * 1024 * 1024
/** Chunks that may lie around until they are collected: a millisecond's work. */
const COPIED_BYTES_MAX = 16 * 1024 * 1024

/**
 * Memory for request bodies that is used again. Bodies lie outside of V8's heap, and what waits in
 * a queue grows old: left to the garbage collector, they make it collect everything, in pauses
 * that every client feels (docs/decisions/0004).
 */
export class BodyPool {
  #copiedBytes = 0
  /** Other memory of the same size is not ours to give away. */
  readonly #slabs = new WeakSet<ArrayBufferLike>()
  readonly #idle = new Map<number, Buffer[]>()
  #idleBytes = 0

  /** A buffer of exactly `bytes`, whose content is anything. */
  take(bytes: number): Buffer {
    if (bytes > SLAB_BYTES_MAX) return Buffer.allocUnsafeSlow(bytes)
    const slabBytes = slabBytesFor(bytes)
    const idle = this.#idle.get(slabBytes)?.pop()
    if (idle !== undefined) this.#idleBytes -= slabBytes
    return (idle ?? this.#make(slabBytes)).subarray(0, bytes)
  }

  /**
   * Tells that a chunk has been copied into memory of the pool and is garbage. V8 sees little of
   * it, an object of a few bytes, until so many lie around that it collects everything.
   */
  copied(bytes: number): void {
    this.#copiedBytes += bytes
    if (this.#copiedBytes < COPIED_BYTES_MAX) return
    this.#copiedBytes = 0
    globalThis.gc?.({ type: 'minor' })
  }

  /**
   * Takes a buffer of `take` back, and ignores any other. Only for one that nobody reads or writes
   * any more: not where a process may still be sent it.
   */
  giveBack(buffer: Buffer): void {
    const slabBytes = buffer.buffer.byteLength
    if (!this.#slabs.has(buffer.buffer)) return
    if (this.#idleBytes + slabBytes > IDLE_BYTES_MAX) return
    const idle = this.#idle.get(slabBytes)
    const slab = Buffer.from(buffer.buffer as ArrayBuffer)
    if (idle === undefined) this.#idle.set(slabBytes, [slab])
    else idle.push(slab)
    this.#idleBytes += slabBytes
  }

  #make(slabBytes: number): Buffer {
    const slab = Buffer.allocUnsafeSlow(slabBytes)
    this.#slabs.add(slab.buffer)
    return slab
  }
}

function slabBytesFor(bytes: number): number {
  let slabBytes = SLAB_BYTES_MIN
  while (slabBytes < bytes) slabBytes *= 2
  return slabBytes
}

import { Buffer } from 'node:buffer'

/**
 * The framing between the server and an engine process.
 *
 *     u32 LE header length | u32 LE body length | header | body: raw bytes
 *
 * A header is JSON, or where every microsecond counts a sequence of numbers, each a float64 LE.
 * JSON is padded with spaces to a multiple of 8, and every part of the body with zeros, so that a
 * tensor in a frame starts on an 8-byte boundary of the frame and needs no copy to be viewed as a
 * typed array.
 */
const PREFIX_BYTES = 8
const ALIGNMENT_BYTES = 8
const PADDING = Buffer.alloc(ALIGNMENT_BYTES)
/** To write more in place costs less than to copy it. */
const SMALL_BODY_BYTES = 4096
const SLAB_BYTES = 32 * 1024
const BRACE = 0x7b
const SPACE = 0x20

export function paddedBytes(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
}

/** One frame, in place in the memory it was received in. */
export class Frame {
  readonly #bytes: Buffer
  readonly #headerAt: number
  readonly #bodyAt: number
  readonly #endAt: number

  constructor(bytes: Buffer, headerAt: number, bodyAt: number, endAt: number) {
    this.#bytes = bytes
    this.#headerAt = headerAt
    this.#bodyAt = bodyAt
    this.#endAt = endAt
  }

  get isJson(): boolean {
    return this.#bytes[this.#headerAt] === BRACE
  }

  /** Throws when the header is not JSON. */
  json(): unknown {
    return JSON.parse(this.#bytes.toString('utf8', this.#headerAt, this.#bodyAt))
  }

  get numberCount(): number {
    return (this.#bodyAt - this.#headerAt) / Float64Array.BYTES_PER_ELEMENT
  }

  /** A number of the header; throws beyond it. */
  number(index: number): number {
    const at = this.#headerAt + index * Float64Array.BYTES_PER_ELEMENT
    if (at >= this.#bodyAt) throw new RangeError(`a header without a number ${index}`)
    return this.#bytes.readDoubleLE(at)
  }

  /** A view of `bytes` of the body; throws beyond it. */
  part(offset: number, bytes: number): Buffer {
    const at = this.#bodyAt + offset
    if (at + bytes > this.#endAt) throw new RangeError('a part beyond the frame')
    return this.#bytes.subarray(at, at + bytes)
  }
}

/** Makes frames, of which the small ones share a chunk. */
export class FrameWriter {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #numbers = new Float64Array(this.#slab.buffer)
  /** What is written but not in a chunk yet lies between. */
  #from = 0
  #to = 0
  #chunks: Uint8Array[] = []

  json(header: object, parts: readonly Uint8Array[] = []): void {
    const text = JSON.stringify(header)
    const textBytes = Buffer.byteLength(text)
    const headerBytes = paddedBytes(textBytes)
    const at = this.#begin(headerBytes, parts)
    this.#slab.write(text, at)
    this.#slab.fill(SPACE, at + textBytes, at + headerBytes)
    this.#body(parts)
  }

  /** The first number tells what the others are. */
  numbers(header: readonly number[], parts: readonly Uint8Array[] = []): void {
    let index = this.#begin(header.length * Float64Array.BYTES_PER_ELEMENT, parts)
    index /= Float64Array.BYTES_PER_ELEMENT
    for (const number of header) this.#numbers[index++] = number
    this.#body(parts)
  }

  /** What has been written since the last time, in order. Large parts are not copied. */
  take(): readonly Uint8Array[] {
    this.#seal()
    const chunks = this.#chunks
    this.#chunks = []
    return chunks
  }

  /** Answers where the header is to be written. */
  #begin(headerBytes: number, parts: readonly Uint8Array[]): number {
    const bodyBytes = bodyBytesOf(parts)
    const headBytes = PREFIX_BYTES + headerBytes
    this.#reserve(headBytes + (bodyBytes <= SMALL_BODY_BYTES ? bodyBytes : 0))
    this.#slab.writeUInt32LE(headerBytes, this.#to)
    this.#slab.writeUInt32LE(bodyBytes, this.#to + 4)
    const headerAt = this.#to + PREFIX_BYTES
    this.#to += headBytes
    return headerAt
  }

  #body(parts: readonly Uint8Array[]): void {
    if (bodyBytesOf(parts) <= SMALL_BODY_BYTES) {
      for (const part of parts) {
        this.#slab.set(part, this.#to)
        const endAt = this.#to + paddedBytes(part.byteLength)
        this.#slab.fill(0, this.#to + part.byteLength, endAt)
        this.#to = endAt
      }
      return
    }
    this.#seal()
    for (const part of parts) {
      if (part.byteLength > 0) this.#chunks.push(part)
      const padding = paddedBytes(part.byteLength) - part.byteLength
      if (padding > 0) this.#chunks.push(PADDING.subarray(0, padding))
    }
  }

  #reserve(bytes: number): void {
    if (this.#to + bytes <= this.#slab.length) return
    this.#seal()
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes))
    this.#numbers = new Float64Array(this.#slab.buffer)
    this.#from = 0
    this.#to = 0
  }

  #seal(): void {
    if (this.#to > this.#from) this.#chunks.push(this.#slab.subarray(this.#from, this.#to))
    this.#from = this.#to
  }
}

export function bodyBytesOf(parts: readonly Uint8Array[]): number {
  let bytes = 0
  for (const part of parts) bytes += paddedBytes(part.byteLength)
  return bytes
}

/**
 * Cuts a byte stream into frames. A frame that spans chunks is assembled with one copy in memory
 * of its own; one that lies within a chunk is a view of it.
 */
export class FrameDecoder {
  readonly #frameBytesMax: number
  readonly #onFrame: (frame: Frame) => void
  readonly #prefix = Buffer.alloc(PREFIX_BYTES)
  #prefixFilled = 0
  #headerBytes = 0
  #frame: Buffer | undefined
  #frameFilled = 0

  constructor(frameBytesMax: number, onFrame: (frame: Frame) => void) {
    this.#frameBytesMax = frameBytesMax
    this.#onFrame = onFrame
  }

  /** Throws when a frame is longer than the bound, and what `onFrame` throws. */
  push(chunk: Buffer): void {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#frame !== undefined) {
        offset += this.#fill(this.#frame, chunk, offset)
        continue
      }
      const taken = Math.min(PREFIX_BYTES - this.#prefixFilled, chunk.length - offset)
      chunk.copy(this.#prefix, this.#prefixFilled, offset, offset + taken)
      this.#prefixFilled += taken
      offset += taken
      if (this.#prefixFilled < PREFIX_BYTES) return
      this.#prefixFilled = 0
      this.#headerBytes = this.#prefix.readUInt32LE(0)
      const frameBytes = this.#headerBytes + this.#prefix.readUInt32LE(4)
      if (frameBytes > this.#frameBytesMax) {
        throw new RangeError(`a frame of ${frameBytes} bytes; at most ${this.#frameBytesMax}`)
      }
      const endAt = offset + frameBytes
      if (endAt <= chunk.length) {
        this.#onFrame(new Frame(chunk, offset, offset + this.#headerBytes, endAt))
        offset = endAt
      } else {
        this.#frame = Buffer.allocUnsafeSlow(frameBytes)
        this.#frameFilled = 0
      }
    }
  }

  /** Answers how many bytes of the chunk it took. */
  #fill(frame: Buffer, chunk: Buffer, offset: number): number {
    const taken = chunk.copy(frame, this.#frameFilled, offset)
    this.#frameFilled += taken
    if (this.#frameFilled === frame.length) {
      this.#frame = undefined
      this.#onFrame(new Frame(frame, 0, this.#headerBytes, frame.length))
    }
    return taken
  }
}

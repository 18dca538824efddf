import { Buffer } from 'node:buffer'

/**
 * The framing between the server and an engine process.
 *
 *     u32 LE header length | u32 LE body length | header: JSON, UTF-8 | body: raw bytes
 *
 * The header is padded with spaces to a multiple of 8, and so is every part of the body, so that
 * a tensor in a frame starts on an 8-byte boundary of the frame and needs no copy to be viewed
 * as a typed array.
 */
const PREFIX_BYTES = 8
const ALIGNMENT_BYTES = 8
const PADDING = Buffer.alloc(ALIGNMENT_BYTES)
const SMALL_BODY_BYTES = 4096

export interface Frame {
  readonly header: unknown
  readonly body: Buffer
}

export function paddedBytes(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
}

/** The chunks to write, in order. Parts are not copied, but for small ones: a write costs more. */
export function encodeFrame(header: object, parts: readonly Uint8Array[] = []): Uint8Array[] {
  const json = JSON.stringify(header)
  const jsonBytes = Buffer.byteLength(json)
  const headerBytes = paddedBytes(jsonBytes)
  let bodyBytes = 0
  for (const part of parts) bodyBytes += paddedBytes(part.byteLength)
  const isSmall = bodyBytes <= SMALL_BODY_BYTES
  const headBytes = PREFIX_BYTES + headerBytes
  const head = Buffer.allocUnsafe(headBytes + (isSmall ? bodyBytes : 0))
  head.writeUInt32LE(headerBytes, 0)
  head.writeUInt32LE(bodyBytes, 4)
  head.write(json, PREFIX_BYTES)
  head.fill(0x20, PREFIX_BYTES + jsonBytes, headBytes)
  const chunks: Uint8Array[] = [head]
  let offset = headBytes
  for (const part of parts) {
    const padding = paddedBytes(part.byteLength) - part.byteLength
    if (isSmall) {
      head.set(part, offset)
      offset += part.byteLength
      head.fill(0, offset, offset + padding)
      offset += padding
      continue
    }
    if (part.byteLength > 0) chunks.push(part)
    if (padding > 0) chunks.push(PADDING.subarray(0, padding))
  }
  return chunks
}

/**
 * Cuts a byte stream into frames. A frame that spans chunks is assembled with one copy in memory
 * of its own; one that lies within a chunk is a view of it.
 */
export class FrameDecoder {
  readonly #frameBytesMax: number
  readonly #prefix = Buffer.alloc(PREFIX_BYTES)
  #prefixFilled = 0
  #headerBytes = 0
  #frame: Buffer | undefined
  #frameFilled = 0

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax
  }

  /** Throws when the stream is not frames, or a frame is longer than the bound. */
  *push(chunk: Buffer): Generator<Frame> {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#frame === undefined) {
        if (this.#prefixFilled < PREFIX_BYTES) {
          const taken = chunk.copy(this.#prefix, this.#prefixFilled, offset)
          this.#prefixFilled += taken
          offset += taken
          if (this.#prefixFilled < PREFIX_BYTES) return
        }
        this.#headerBytes = this.#prefix.readUInt32LE(0)
        const frameBytes = this.#headerBytes + this.#prefix.readUInt32LE(4)
        if (frameBytes > this.#frameBytesMax) {
          throw new RangeError(`a frame of ${frameBytes} bytes; at most ${this.#frameBytesMax}`)
        }
        if (chunk.length - offset >= frameBytes) {
          const frame = chunk.subarray(offset, offset + frameBytes)
          offset += frameBytes
          this.#prefixFilled = 0
          yield this.#decode(frame)
          continue
        }
        this.#frame = Buffer.allocUnsafeSlow(frameBytes)
        this.#frameFilled = 0
      }
      const taken = chunk.copy(this.#frame, this.#frameFilled, offset)
      this.#frameFilled += taken
      offset += taken
      if (this.#frameFilled === this.#frame.length) {
        const frame = this.#frame
        this.#frame = undefined
        this.#prefixFilled = 0
        yield this.#decode(frame)
      }
    }
  }

  #decode(frame: Buffer): Frame {
    return {
      header: JSON.parse(frame.toString('utf8', 0, this.#headerBytes)) as unknown,
      body: frame.subarray(this.#headerBytes),
    }
  }
}

import type { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'

import { type Frame, FrameDecoder, FrameWriter } from './frame.ts'

export interface FrameChannelOptions {
  /** A longer frame is a broken peer: the channel is destroyed. */
  readonly frameBytesMax: number
  readonly onFrame: (frame: Frame) => void
  /** Called once, with the error when there was one. */
  readonly onClose: (error: Error | undefined) => void
}

/** Frames in both directions over a duplex stream. Frames of one tick leave in one write. */
export class FrameChannel {
  readonly #stream: Duplex
  readonly #writer = new FrameWriter()
  readonly #flush = () => this.#writeOut()
  #isFlushing = false

  constructor(stream: Duplex, { frameBytesMax, onFrame, onClose }: FrameChannelOptions) {
    this.#stream = stream
    const decoder = new FrameDecoder(frameBytesMax, onFrame)
    let failure: Error | undefined
    stream.on('data', (chunk: Buffer) => {
      try {
        decoder.push(chunk)
      } catch (error) {
        stream.destroy(error instanceof Error ? error : new Error(String(error)))
      }
    })
    stream.on('error', (error: Error) => {
      failure ??= error
    })
    stream.on('close', () => onClose(failure))
    stream.on('end', () => stream.destroy())
  }

  /** Does nothing once the channel is closed: `onClose` tells, and nobody waits for a write. */
  send(header: object): void {
    this.#writer.json(header)
    this.#flushSoon()
  }

  /** As `send`, with a header of numbers. Large parts are not copied. */
  sendNumbers(header: readonly number[], parts: readonly Uint8Array[]): void {
    this.#writer.numbers(header, parts)
    this.#flushSoon()
  }

  close(): void {
    this.#stream.destroy()
  }

  #flushSoon(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(this.#flush)
  }

  #writeOut(): void {
    this.#isFlushing = false
    const chunks = this.#writer.take()
    if (this.#stream.destroyed) return
    const [only] = chunks
    if (chunks.length === 1 && only !== undefined) {
      this.#stream.write(only)
      return
    }
    this.#stream.cork()
    for (const chunk of chunks) this.#stream.write(chunk)
    this.#stream.uncork()
  }
}

import type { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'

import { encodeFrame, type Frame, FrameDecoder } from './frame.ts'

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
  #corked = false

  constructor(stream: Duplex, options: FrameChannelOptions) {
    this.#stream = stream
    const decoder = new FrameDecoder(options.frameBytesMax)
    let failure: Error | undefined
    stream.on('data', (chunk: Buffer) => {
      try {
        for (const frame of decoder.push(chunk)) options.onFrame(frame)
      } catch (error) {
        stream.destroy(error instanceof Error ? error : new Error(String(error)))
      }
    })
    stream.on('error', (error: Error) => {
      failure ??= error
    })
    stream.on('close', () => options.onClose(failure))
    stream.on('end', () => stream.destroy())
  }

  /** Does nothing once the channel is closed: `onClose` tells, and nobody waits for a write. */
  send(header: object, parts: readonly Uint8Array[] = []): void {
    if (this.#stream.destroyed) return
    if (!this.#corked) {
      this.#corked = true
      this.#stream.cork()
      setImmediate(() => {
        this.#corked = false
        this.#stream.uncork()
      })
    }
    for (const chunk of encodeFrame(header, parts)) this.#stream.write(chunk)
  }

  close(): void {
    this.#stream.destroy()
  }
}

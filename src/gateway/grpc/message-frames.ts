import type { Buffer } from 'node:buffer'

/** A byte that says whether it is packed, and its length in four. */
const HEAD_BYTES = 5
/** So many pieces of a message may be of any size: each is kept as an object until its end. */
const PIECES_MAX = 4096
const PIECE_BYTES_MIN = 256

/** Follows where the messages of a gRPC stream begin and end. */
export class MessageFrames {
  #headBytes = 0
  #bytesLeft = 0
  #bytes = 0
  #pieces = 0

  /** Whether some of a message has come, and some has not. */
  get isWithinMessage(): boolean {
    return this.#headBytes > 0
  }

  /** Whether the present message comes in so many small pieces that they weigh more than it does. */
  get areTooSmall(): boolean {
    return this.#pieces > PIECES_MAX && this.#bytes < this.#pieces * PIECE_BYTES_MIN
  }

  take(piece: Buffer): void {
    this.#pieces++
    this.#bytes += piece.length
    let at = 0
    while (at < piece.length) {
      if (this.#headBytes < HEAD_BYTES) {
        const byte = piece[at++] ?? 0
        if (this.#headBytes++ > 0) this.#bytesLeft = this.#bytesLeft * 256 + byte
      } else {
        const bytes = Math.min(this.#bytesLeft, piece.length - at)
        this.#bytesLeft -= bytes
        at += bytes
      }
      if (this.#headBytes === HEAD_BYTES && this.#bytesLeft === 0) {
        this.#headBytes = 0
        this.#pieces = 0
        this.#bytes = 0
      }
    }
  }
}

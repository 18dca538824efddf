import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'

import { clientGone, CutoverError } from '../domain/errors.ts'
import type { BodyPool } from './body-pool.ts'

/** Less is left to the garbage collector. */
const SMALL_BYTES_MAX = 4096
/** Chunks that are kept as they came: each is an object, which weighs hundreds of bytes. */
const CHUNKS_MAX = 1024

/** Throws BODY_TOO_LARGE when the request announces more than `bytesMax`: nothing is read. */
export function checkAnnouncedLength(request: IncomingMessage, bytesMax: number): void {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax)
}

/**
 * The whole body, in memory of the pool when its length was announced and is not small. Rejects
 * with BODY_TOO_LARGE as soon as it is, announced or not, and with REQUEST_ABORTED when the client
 * goes. A client that stalls is cut off by the server's own `requestTimeout`.
 */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
  pool: BodyPool,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    checkAnnouncedLength(request, bytesMax)
    const announced = Number(request.headers['content-length'])
    const collected = announced > SMALL_BYTES_MAX ? new Slab(announced, pool) : new Chunks()
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= bytesMax) collected.push(chunk)
      else reject(tooLarge(bytesMax))
    })
    request.on('end', () => resolve(collected.joined()))
    request.on('close', () => {
      if (!request.complete) reject(clientGone())
    })
  })
}

/** A body of a length that was announced. */
class Slab {
  readonly #pool: BodyPool
  readonly #slab: Buffer
  #bytes = 0

  constructor(bytes: number, pool: BodyPool) {
    this.#pool = pool
    this.#slab = pool.take(bytes)
  }

  push(chunk: Buffer): void {
    this.#bytes += chunk.copy(this.#slab, this.#bytes)
    this.#pool.copied(chunk.length)
  }

  joined(): Buffer {
    return this.#slab
  }
}

/** A body of unknown length, or a small one, which mostly comes in one piece. */
class Chunks {
  readonly #joined: Buffer[] = []
  #chunks: Buffer[] = []

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    if (this.#chunks.length < CHUNKS_MAX) return
    this.#joined.push(Buffer.concat(this.#chunks))
    this.#chunks = []
  }

  joined(): Buffer {
    const all = [...this.#joined, ...this.#chunks]
    const [only] = all
    return all.length === 1 && only !== undefined ? only : Buffer.concat(all)
  }
}

function tooLarge(bytesMax: number): CutoverError {
  return new CutoverError('BODY_TOO_LARGE', `the body is larger than ${bytesMax} bytes`)
}

import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'

import { CutoverError } from '../domain/errors.ts'
import type { BodyPool } from './body-pool.ts'

/** Throws BODY_TOO_LARGE when the request announces more than `bytesMax`: nothing is read. */
export function checkAnnouncedLength(request: IncomingMessage, bytesMax: number): void {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax)
}

/**
 * The whole body, in memory of the pool when its length was announced. Rejects with
 * BODY_TOO_LARGE as soon as it is, announced or not, and with REQUEST_ABORTED when the client
 * goes. A client that stalls is cut off by the server's own `requestTimeout`.
 */
export async function readBody(
  request: IncomingMessage,
  bytesMax: number,
  pool: BodyPool,
): Promise<Buffer> {
  checkAnnouncedLength(request, bytesMax)
  const announced = request.headers['content-length']
  const collected = announced === undefined ? new Chunks() : pool.take(Number(announced))
  return new Promise((resolve, reject) => {
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      if (bytes + chunk.length <= bytesMax) {
        if (collected instanceof Chunks) collected.push(chunk)
        else chunk.copy(collected, bytes)
      } else {
        reject(tooLarge(bytesMax))
      }
      bytes += chunk.length
    })
    request.on('end', () => {
      resolve(collected instanceof Chunks ? collected.joined() : collected)
    })
    const gone = () => {
      if (!request.complete) reject(new CutoverError('REQUEST_ABORTED', 'the client hung up'))
    }
    request.on('error', gone)
    request.on('close', gone)
  })
}

/** A body of unknown length. */
class Chunks {
  readonly #chunks: Buffer[] = []

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  joined(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

function tooLarge(bytesMax: number): CutoverError {
  return new CutoverError('BODY_TOO_LARGE', `the body is larger than ${bytesMax} bytes`)
}

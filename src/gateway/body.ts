import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'

import { CutoverError } from '../domain/errors.ts'

/** Throws BODY_TOO_LARGE when the request announces more than `bytesMax`: nothing is read. */
export function checkAnnouncedLength(request: IncomingMessage, bytesMax: number): void {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax)
}

/**
 * The whole body. Rejects with BODY_TOO_LARGE as soon as it is, announced or not, and with
 * REQUEST_ABORTED when the client goes. A client that stalls is cut off by the server's own
 * `requestTimeout`.
 */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    checkAnnouncedLength(request, bytesMax)
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= bytesMax) {
        chunks.push(chunk)
      } else {
        chunks.length = 0
        reject(tooLarge(bytesMax))
      }
    })
    request.on('end', () => {
      const [only] = chunks
      resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, bytes))
    })
    const gone = () => reject(new CutoverError('REQUEST_ABORTED', 'the client hung up'))
    request.on('error', gone)
    request.on('close', gone)
  })
}

function tooLarge(bytesMax: number): CutoverError {
  return new CutoverError('BODY_TOO_LARGE', `the body is larger than ${bytesMax} bytes`)
}

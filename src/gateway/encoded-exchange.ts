import { Buffer } from 'node:buffer'

import pLimit from 'p-limit'

import { clientGone, CutoverError } from '../domain/errors.ts'
import { readBody } from './body.ts'
import { decoded, encoded, encodingOf, responseEncodingOf } from './content-encoding.ts'
import type { GatewayContext } from './context.ts'
import type { Exchange } from './exchange.ts'

/** A body as it came, which is memory of the pool, and as it was before its content-encoding. */
export interface DecodedBody {
  readonly received: Buffer
  readonly body: Buffer
}

/**
 * A body may unpack to a thousand times as much: so many are unpacked at a time, and count until
 * their requests are over. The others wait as they came.
 */
const unpacked = pLimit(16)
const WAITING_MAX = 512

/**
 * Reads a body that may be gzip or deflate. Throws what `readBody` and `decoded` throw, QUEUE_FULL
 * and DEADLINE_EXCEEDED where others are in its way, and REQUEST_ABORTED.
 */
export function readDecoded(context: GatewayContext, exchange: Exchange): Promise<DecodedBody> {
  const { bodyBytesMax, requestTimeoutMs } = context.settings
  const { headers } = exchange.request
  const encoding = encodingOf(headers['content-encoding'])
  return readBody(exchange.request, bodyBytesMax, context.bodies).then((received) =>
    encoding === 'identity'
      ? { received, body: received }
      : inTurn(exchange, requestTimeoutMs, () => decoded(received, encoding, bodyBytesMax)).then(
          (body) => ({ received, body }),
        ),
  )
}

function inTurn(
  exchange: Exchange,
  timeoutMs: number,
  unpack: () => Promise<Buffer>,
): Promise<Buffer> {
  if (unpacked.pendingCount >= WAITING_MAX) {
    throw new CutoverError('QUEUE_FULL', `${WAITING_MAX} packed bodies wait already`)
  }
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const sentence = `no turn to unpack the body within ${timeoutMs} ms`
      reject(new CutoverError('DEADLINE_EXCEEDED', sentence))
    }, timeoutMs)
    const over = exchange.over()
    void over.then(() => {
      clearTimeout(timer)
      reject(clientGone())
    })
    void unpacked(async () => {
      clearTimeout(timer)
      if (exchange.isOver) return
      await unpack().then(resolve, reject)
      await over
    })
  })
}

/** Answers with JSON and perhaps bytes after it, in the encoding that the client likes best. */
export function replyEncoded(
  exchange: Exchange,
  headers: Readonly<Record<string, string>>,
  json: string,
  binary: readonly Uint8Array[] = [],
): void | Promise<void> {
  const encoding = responseEncodingOf(exchange.request.headers['accept-encoding']?.toString())
  if (encoding === 'identity' && binary.length === 0) {
    exchange.replyText(headers, json)
    return undefined
  }
  const chunks = [Buffer.from(json), ...binary]
  if (encoding === 'identity') {
    exchange.replyBytes(headers, chunks)
    return undefined
  }
  return encoded(chunks, encoding).then((bytes) =>
    exchange.replyBytes({ ...headers, 'content-encoding': encoding }, [bytes]),
  )
}

export function replyJson(exchange: Exchange, json: string): void | Promise<void> {
  return replyEncoded(exchange, { 'content-type': 'application/json' }, json)
}

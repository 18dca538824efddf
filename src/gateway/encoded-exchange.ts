import { Buffer } from 'node:buffer'

import { readBody } from './body.ts'
import { decoded, encoded, encodingOf, responseEncodingOf } from './content-encoding.ts'
import type { GatewayContext } from './context.ts'
import type { Exchange } from './exchange.ts'

/** A body as it came, which is memory of the pool, and as it was before its content-encoding. */
export interface DecodedBody {
  readonly received: Buffer
  readonly body: Buffer
}

/** Reads a body that may be gzip or deflate. Throws what `readBody` and `decoded` throw. */
export function readDecoded(context: GatewayContext, { request }: Exchange): Promise<DecodedBody> {
  const { bodyBytesMax } = context.settings
  const encoding = encodingOf(request.headers['content-encoding'])
  return readBody(request, bodyBytesMax, context.bodies).then((received) =>
    encoding === 'identity'
      ? { received, body: received }
      : decoded(received, encoding, bodyBytesMax).then((body) => ({ received, body })),
  )
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

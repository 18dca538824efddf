import { Buffer } from 'node:buffer'

import { readBody } from './body.ts'
import { checkEncoding, decoded, encoded, responseEncodingOf } from './content-encoding.ts'
import type { GatewayContext } from './context.ts'
import type { Exchange } from './exchange.ts'

/** A body as it came, which is memory of the pool, and as it was before its content-encoding. */
export interface DecodedBody {
  readonly received: Buffer
  readonly body: Buffer
}

/** Reads a body that may be gzip or deflate. Throws what `readBody` and `decoded` throw. */
export async function readDecoded(
  context: GatewayContext,
  { request }: Exchange,
): Promise<DecodedBody> {
  const { bodyBytesMax } = context.settings
  const encoding = request.headers['content-encoding']
  checkEncoding(encoding)
  const received = await readBody(request, bodyBytesMax, context.bodies)
  return { received, body: await decoded(received, encoding, bodyBytesMax) }
}

/** Answers with JSON and perhaps bytes after it, in the encoding that the client likes best. */
export async function replyEncoded(
  exchange: Exchange,
  headers: Readonly<Record<string, string>>,
  json: string,
  binary: readonly Uint8Array[] = [],
): Promise<void> {
  const encoding = responseEncodingOf(exchange.request.headers['accept-encoding']?.toString())
  if (encoding === 'identity' && binary.length === 0) {
    exchange.replyText(headers, json)
    return
  }
  exchange.replyBytes(
    encoding === 'identity' ? headers : { ...headers, 'content-encoding': encoding },
    await encoded([Buffer.from(json), ...binary], encoding),
  )
}

export function replyJson(exchange: Exchange, json: string): Promise<void> {
  return replyEncoded(exchange, { 'content-type': 'application/json' }, json)
}

import { Buffer } from 'node:buffer'

import { andThen } from '../../../lib/and-then.ts'
import { inSlices } from '../../../lib/in-slices.ts'
import { headerBytesOf } from '../../../wire/v2/header-length.ts'
import { readInferRequest } from '../../../wire/v2/infer-request.ts'
import { writeInferResponse } from '../../../wire/v2/infer-response.ts'
import { readDecoded, replyEncoded } from '../../encoded-exchange.ts'
import type { GatewayContext } from '../../context.ts'
import type { Exchange } from '../../exchange.ts'
import { type InferAnswer, inferTensors, type Payload } from '../../v2/infer.ts'
import { modelAt, type V2Params } from '../../v2/params.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** A payload and the memory of the pool that it lies in. */
type ReceivedPayload = Payload & { readonly received: Buffer }

/** `POST /v2/models/{model}[/versions/{version}]/infer`. */
export function inferV2(
  context: GatewayContext,
  exchange: Exchange,
  params: V2Params,
): Promise<void> {
  return inferTensors(context, exchange, {
    wanted: modelAt(params),
    read: () => readPayload(context, exchange),
  }).then((answer) => reply(context, exchange, answer))
}

function readPayload(context: GatewayContext, exchange: Exchange): Promise<ReceivedPayload> {
  return readDecoded(context, exchange).then(({ received, body }) => {
    const header = exchange.request.headers['inference-header-content-length']?.toString()
    const headerBytes = headerBytesOf(header, body.length)
    if (header !== undefined && headerBytes === 0) return { kind: 'raw', received, body }
    return andThen(inSlices(readInferRequest(body, headerBytes)), (request) => ({
      kind: 'request' as const,
      received,
      ...request,
    }))
  })
}

function reply(
  context: GatewayContext,
  exchange: Exchange,
  { payload, model, version, outputs }: InferAnswer<ReceivedPayload>,
): void | Promise<void> {
  // Answered, so nobody holds it any more; after a failure somebody might.
  context.bodies.giveBack(payload.received)
  const id = payload.kind === 'request' ? payload.id : undefined
  const response = inSlices(
    writeInferResponse({
      id,
      model,
      version,
      outputs,
      isBinary: (output) => isBinary(payload, output),
    }),
  )
  return andThen(response, ({ json, binary }) =>
    replyEncoded(exchange, binary.length === 0 ? JSON_TYPE : binaryType(json), json, binary),
  )
}

function binaryType(json: string): Readonly<Record<string, string>> {
  return {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(Buffer.byteLength(json)),
  }
}

/** Each named output says it itself; where none is named, the request says it for all. */
function isBinary(payload: Payload, output: string): boolean {
  if (payload.kind === 'raw') return true
  return payload.outputs?.get(output)?.isBinary ?? payload.isBinary
}

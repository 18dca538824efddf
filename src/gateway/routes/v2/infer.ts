import { Buffer } from 'node:buffer'

import { inSlices } from '../../../lib/in-slices.ts'
import { headerBytesOf } from '../../../wire/v2/header-length.ts'
import { readInferRequest } from '../../../wire/v2/infer-request.ts'
import { writeInferResponse } from '../../../wire/v2/infer-response.ts'
import { readDecoded, replyEncoded } from '../../encoded-exchange.ts'
import type { GatewayContext } from '../../context.ts'
import type { Exchange } from '../../exchange.ts'
import { inferTensors, type Payload } from '../../v2/infer.ts'
import { modelAt, type V2Params } from '../../v2/params.ts'

/** A payload and the memory of the pool that it lies in. */
type ReceivedPayload = Payload & { readonly received: Buffer }

/** `POST /v2/models/{model}[/versions/{version}]/infer`. */
export async function inferV2(
  context: GatewayContext,
  exchange: Exchange,
  params: V2Params,
): Promise<void> {
  const { payload, model, version, outputs } = await inferTensors(context, exchange, {
    wanted: modelAt(params),
    read: () => readPayload(context, exchange),
  })
  // Answered, so nobody holds it any more; after a failure somebody might.
  context.bodies.giveBack(payload.received)
  const { json, binary } = await inSlices(
    writeInferResponse({
      id: payload.kind === 'request' ? payload.id : undefined,
      model,
      version,
      outputs,
      isBinary: (output) => isBinary(payload, output),
    }),
  )
  const isJson = binary.length === 0
  await replyEncoded(
    exchange,
    isJson
      ? { 'content-type': 'application/json' }
      : {
          'content-type': 'application/octet-stream',
          'inference-header-content-length': String(Buffer.byteLength(json)),
        },
    json,
    binary,
  )
}

async function readPayload(context: GatewayContext, exchange: Exchange): Promise<ReceivedPayload> {
  const { received, body } = await readDecoded(context, exchange)
  const header = exchange.request.headers['inference-header-content-length']?.toString()
  const headerBytes = headerBytesOf(header, body.length)
  if (header !== undefined && headerBytes === 0) return { kind: 'raw', received, body }
  return { kind: 'request', received, ...(await inSlices(readInferRequest(body, headerBytes))) }
}

/** Each named output says it itself; where none is named, the request says it for all. */
function isBinary(payload: Payload, output: string): boolean {
  if (payload.kind === 'raw') return true
  return payload.outputs?.get(output)?.isBinary ?? payload.isBinary
}

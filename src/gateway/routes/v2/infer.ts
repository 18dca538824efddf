import { Buffer } from 'node:buffer'

import { CutoverError } from '../../../domain/errors.ts'
import { isBatched } from '../../../domain/signature.ts'
import { inSlices } from '../../../lib/in-slices.ts'
import { withClassification } from '../../../wire/v2/classification.ts'
import { headerBytesOf } from '../../../wire/v2/header-length.ts'
import { type InferRequest, readInferRequest } from '../../../wire/v2/infer-request.ts'
import { writeInferResponse } from '../../../wire/v2/infer-response.ts'
import { rawInput } from '../../../wire/v2/raw-request.ts'
import { readDecoded, replyEncoded } from '../../encoded-exchange.ts'
import type { GatewayContext } from '../../context.ts'
import type { Exchange } from '../../exchange.ts'
import { infer } from '../../infer.ts'
import { modelAt, type V2Params } from './params.ts'

/** What a client sent: a request, or only the data of the one input there is. */
type Payload =
  | ({ readonly kind: 'request'; readonly received: Buffer } & InferRequest)
  | { readonly kind: 'raw'; readonly received: Buffer; readonly body: Buffer }

/** `POST /v2/models/{model}[/versions/{version}]/infer`. */
export async function inferV2(
  context: GatewayContext,
  exchange: Exchange,
  params: V2Params,
): Promise<void> {
  const { route, payload, result } = await infer<Payload>(context, exchange, {
    wanted: modelAt(params),
    read: () => readPayload(context, exchange),
    ask: (payload, servable) =>
      payload.kind === 'raw'
        ? { kind: 'tensors', inputs: rawInput(servable.pool.info.signature, payload.body) }
        : {
            kind: 'tensors',
            inputs: payload.inputs,
            outputs: payload.outputs === undefined ? undefined : [...payload.outputs.keys()],
          },
  })
  if (result.kind !== 'tensors') throw new CutoverError('INTERNAL', 'tensors gave no tensors')
  // Answered, so nobody holds it any more; after a failure somebody might.
  context.bodies.giveBack(payload.received)
  const { local, model, pool, version } = route.servable
  const { topKMax } = context.settings
  const isBatch = isBatched(pool.info.signature)
  const outputs = await inSlices(
    withClassification(result.outputs, {
      classesOf: (output) =>
        payload.kind === 'raw' ? 0 : (payload.outputs?.get(output)?.classes ?? 0),
      classesMax: topKMax,
      labels: local.labels,
      isBatch,
    }),
  )
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

async function readPayload(context: GatewayContext, exchange: Exchange): Promise<Payload> {
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

import type { Buffer } from 'node:buffer'

import { CutoverError } from '../../../domain/errors.ts'
import { inSlices } from '../../../lib/in-slices.ts'
import { headerBytesOf } from '../../../wire/v2/header-length.ts'
import { type InferRequest, readInferRequest } from '../../../wire/v2/infer-request.ts'
import { writeInferResponse } from '../../../wire/v2/infer-response.ts'
import { rawInput } from '../../../wire/v2/raw-request.ts'
import { readBody } from '../../body.ts'
import type { GatewayContext } from '../../context.ts'
import type { Exchange } from '../../exchange.ts'
import { infer } from '../../infer.ts'
import { modelAt, type V2Params } from './params.ts'

/** What a client sent: a request, or only the data of the one input there is. */
type Payload =
  | ({ readonly kind: 'request'; readonly body: Buffer } & InferRequest)
  | { readonly kind: 'raw'; readonly body: Buffer }

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
  context.bodies.giveBack(payload.body)
  const { model, version } = route.servable
  const { json, binary } = await inSlices(
    writeInferResponse({
      id: payload.kind === 'request' ? payload.id : undefined,
      model,
      version,
      outputs: result.outputs,
      isBinary: (output) => isBinary(payload, output),
    }),
  )
  exchange.replyBytes(
    binary.length === 0
      ? { 'content-type': 'application/json' }
      : {
          'content-type': 'application/octet-stream',
          'inference-header-content-length': String(json.length),
        },
    [json, ...binary],
  )
}

async function readPayload(context: GatewayContext, { request }: Exchange): Promise<Payload> {
  const body = await readBody(request, context.settings.bodyBytesMax, context.bodies)
  const header = request.headers['inference-header-content-length']
  const headerBytes = headerBytesOf(header?.toString(), body.length)
  if (header !== undefined && headerBytes === 0) return { kind: 'raw', body }
  return { kind: 'request', body, ...(await inSlices(readInferRequest(body, headerBytes))) }
}

/** Each named output says it itself; where none is named, the request says it for all. */
function isBinary(payload: Payload, output: string): boolean {
  if (payload.kind === 'raw') return true
  return payload.outputs?.get(output)?.isBinary ?? payload.isBinary
}

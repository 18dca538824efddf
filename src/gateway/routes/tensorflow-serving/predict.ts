import { CutoverError } from '../../../domain/errors.ts'
import { inSlices } from '../../../lib/in-slices.ts'
import { unbracketed } from '../../../wire/tensorflow-serving/bare-rows.ts'
import {
  type PredictRequest,
  readPredictRequest,
} from '../../../wire/tensorflow-serving/predict-request.ts'
import { writePredictResponse } from '../../../wire/tensorflow-serving/predict-response.ts'
import type { GatewayContext } from '../../context.ts'
import { readDecoded, replyJson } from '../../encoded-exchange.ts'
import type { Exchange } from '../../exchange.ts'
import { infer } from '../../infer.ts'
import { modelAt, type ServingParams } from './params.ts'

/** `POST /v1/models/{model}[/versions/{version}|/labels/{label}]:predict`. */
export async function predict(
  context: GatewayContext,
  exchange: Exchange,
  params: ServingParams,
): Promise<void> {
  let format: PredictRequest['format'] = 'row'
  let isBare = false
  const { payload, result } = await infer(context, exchange, {
    wanted: modelAt(params),
    read: () => readDecoded(context, exchange),
    ask: async ({ body }, { pool }) => {
      const request = await inSlices(readPredictRequest(body, pool.info))
      ;({ format, isBare } = request)
      return { kind: 'tensors', inputs: request.inputs, signature: request.signature }
    },
  })
  if (result.kind !== 'tensors') throw new CutoverError('INTERNAL', 'tensors gave no tensors')
  context.bodies.giveBack(payload.received)
  const outputs = isBare ? unbracketed(result.outputs) : result.outputs
  const text = await inSlices(writePredictResponse(format, outputs))
  await replyJson(exchange, text)
}

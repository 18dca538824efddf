import type { Buffer } from 'node:buffer'

import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js'

import { inSlices } from '../../lib/in-slices.ts'
import { decodeInferMessage, type InferMessage } from '../../wire/v2/grpc/infer-message.ts'
import { inferRequestOf } from '../../wire/v2/grpc/infer-request.ts'
import { encodeInferResponse, type InferResponse } from '../../wire/v2/grpc/infer-response.ts'
import type { GatewayContext } from '../context.ts'
import { inferTensors } from '../v2/infer.ts'
import { GrpcExchange } from './grpc-exchange.ts'
import { serviceErrorOf } from './grpc-errors.ts'
import { modelNamed } from './model-named.ts'

/** Unary inference: messages are decoded and encoded here, so that no reflection is in the way. */
export function modelInfer(context: GatewayContext): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    void reply(context, call, callback)
  }
}

async function reply(
  context: GatewayContext,
  call: ServerUnaryCall<Buffer, Buffer>,
  callback: sendUnaryData<Buffer>,
): Promise<void> {
  const exchange = new GrpcExchange(context, call)
  try {
    const response = await answerMessage(context, exchange, () => decodeInferMessage(call.request))
    callback(null, encodeInferResponse(response), exchange.trailers())
    exchange.succeeded()
  } catch (error) {
    const failure = exchange.failed(error)
    callback(serviceErrorOf(failure, exchange.allTrailers()))
  }
}

/** Answers one message. Throws what `inferTensors` throws, and what decoding does. */
export async function answerMessage(
  context: GatewayContext,
  exchange: GrpcExchange,
  decode: () => InferMessage,
): Promise<InferResponse> {
  const message = decode()
  const { payload, model, version, outputs } = await inferTensors(context, exchange, {
    wanted: modelNamed(message.model, message.version),
    read: async () => ({
      kind: 'request' as const,
      ...(await inSlices(inferRequestOf(message, context.settings.grpcMessageBytesMax))),
    }),
  })
  return { id: payload.id, model, version, outputs }
}

import type { Buffer } from 'node:buffer'

import { CutoverError } from '../../domain/errors.ts'
import type { NamedTensors } from '../../domain/tensor.ts'
import { andThen } from '../../lib/and-then.ts'
import { inSlices } from '../../lib/in-slices.ts'
import type { RouteRequest } from '../../serving/pick.ts'
import type { RunRequest, Servable } from '../../serving/servable.ts'
import { withClassification } from '../../wire/v2/classification.ts'
import type { InferRequest } from '../../wire/v2/infer-request.ts'
import { rawInput } from '../../wire/v2/raw-request.ts'
import type { GatewayContext } from '../context.ts'
import { infer, type Inference, type InferenceCall } from '../infer.ts'

/** What a client sent: a request, or only the data of the one input there is. */
export type Payload =
  | ({ readonly kind: 'request' } & InferRequest)
  | { readonly kind: 'raw'; readonly body: Buffer }

export interface InferAnswer<P> {
  readonly payload: P
  readonly model: string
  readonly version: number
  readonly outputs: NamedTensors
}

/** Answers an infer request of the protocol, over REST or gRPC, with its outputs as they are asked for. */
export function inferTensors<P extends Payload>(
  context: GatewayContext,
  call: InferenceCall,
  { wanted, read }: { readonly wanted: RouteRequest; readonly read: () => Promise<P> },
): Promise<InferAnswer<P>> {
  return infer<P>(context, call, { wanted, read, ask }).then((inference) =>
    answerOf(context, inference),
  )
}

function ask(payload: Payload, { pool }: Servable): RunRequest {
  return payload.kind === 'raw'
    ? { kind: 'tensors', inputs: rawInput(pool.info.signature, payload.body) }
    : {
        kind: 'tensors',
        inputs: payload.inputs,
        outputs: payload.outputs === undefined ? undefined : [...payload.outputs.keys()],
      }
}

function answerOf<P extends Payload>(
  context: GatewayContext,
  { route, payload, result }: Inference<P>,
): InferAnswer<P> | Promise<InferAnswer<P>> {
  if (result.kind !== 'tensors') throw new CutoverError('INTERNAL', 'tensors gave no tensors')
  const { isBatched, local, model, version } = route.servable
  const answer = (outputs: NamedTensors) => ({ payload, model, version, outputs })
  const requested = payload.kind === 'raw' ? undefined : payload.outputs
  if (requested === undefined) return answer(result.outputs)
  const outputs = inSlices(
    withClassification(result.outputs, {
      classesOf: (output) => requested.get(output)?.classes ?? 0,
      classesMax: context.settings.topKMax,
      labels: local.labels,
      isBatch: isBatched,
    }),
  )
  return andThen(outputs, answer)
}

import type { Buffer } from 'node:buffer'

import { CutoverError } from '../../domain/errors.ts'
import { isBatched } from '../../domain/signature.ts'
import type { NamedTensors } from '../../domain/tensor.ts'
import { inSlices } from '../../lib/in-slices.ts'
import type { RouteRequest } from '../../serving/pick.ts'
import { withClassification } from '../../wire/v2/classification.ts'
import type { InferRequest } from '../../wire/v2/infer-request.ts'
import { rawInput } from '../../wire/v2/raw-request.ts'
import type { GatewayContext } from '../context.ts'
import { infer, type InferenceCall } from '../infer.ts'

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
export async function inferTensors<P extends Payload>(
  context: GatewayContext,
  call: InferenceCall,
  { wanted, read }: { readonly wanted: RouteRequest; readonly read: () => Promise<P> },
): Promise<InferAnswer<P>> {
  const { route, payload, result } = await infer<P>(context, call, {
    wanted,
    read,
    ask: (payload: Payload, servable) =>
      payload.kind === 'raw'
        ? { kind: 'tensors', inputs: rawInput(servable.pool.info.signature, payload.body) }
        : {
            kind: 'tensors',
            inputs: payload.inputs,
            outputs: payload.outputs === undefined ? undefined : [...payload.outputs.keys()],
          },
  })
  if (result.kind !== 'tensors') throw new CutoverError('INTERNAL', 'tensors gave no tensors')
  const { local, model, pool, version } = route.servable
  const requested = requestedOf(payload)
  const outputs = await inSlices(
    withClassification(result.outputs, {
      classesOf: (output) => requested?.get(output)?.classes ?? 0,
      classesMax: context.settings.topKMax,
      labels: local.labels,
      isBatch: isBatched(pool.info.signature),
    }),
  )
  return { payload, model, version, outputs }
}

function requestedOf(payload: Payload): InferRequest['outputs'] {
  return payload.kind === 'raw' ? undefined : payload.outputs
}

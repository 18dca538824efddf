import { CutoverError } from '../../../domain/errors.ts'
import { signatureNamed } from '../../../domain/signature.ts'
import { inSlices } from '../../../lib/in-slices.ts'
import { inputsFrom } from '../../../wire/tensorflow-serving/example-inputs.ts'
import { readExamplesRequest } from '../../../wire/tensorflow-serving/examples-request.ts'
import { classifications, regressions } from '../../../wire/tensorflow-serving/results.ts'
import type { GatewayContext } from '../../context.ts'
import { readDecoded, replyJson } from '../../encoded-exchange.ts'
import type { Exchange } from '../../exchange.ts'
import { infer } from '../../infer.ts'
import { modelAt, type ServingParams } from './params.ts'

type Verb = 'classify' | 'regress'

/** `POST /v1/models/{model}[/versions/{version}|/labels/{label}]:classify`. */
export function classify(
  context: GatewayContext,
  exchange: Exchange,
  params: ServingParams,
): Promise<void> {
  return answer(context, exchange, params, 'classify')
}

/** `POST /v1/models/{model}[/versions/{version}|/labels/{label}]:regress`. */
export function regress(
  context: GatewayContext,
  exchange: Exchange,
  params: ServingParams,
): Promise<void> {
  return answer(context, exchange, params, 'regress')
}

async function answer(
  context: GatewayContext,
  exchange: Exchange,
  params: ServingParams,
  verb: Verb,
): Promise<void> {
  const { route, payload, result } = await infer(context, exchange, {
    wanted: modelAt(params),
    read: async () => {
      const { received, body } = await readDecoded(context, exchange)
      return { received, ...(await inSlices(readExamplesRequest(body))) }
    },
    ask: ({ examples, signature }, { pool }) => ({
      kind: 'tensors',
      inputs: inputsFrom(signatureNamed(pool.info, signature), examples),
      signature,
    }),
  })
  if (result.kind !== 'tensors') throw new CutoverError('INTERNAL', 'tensors gave no tensors')
  context.bodies.giveBack(payload.received)
  const { length } = payload.examples
  const text = await inSlices(
    verb === 'classify'
      ? classifications(result.outputs, length, route.servable.local.labels)
      : regressions(result.outputs, length),
  )
  await replyJson(exchange, text)
}

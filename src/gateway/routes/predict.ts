import { CutoverError } from '../../domain/errors.ts'
import { isModelName, parseVersion } from '../../domain/version.ts'
import type { Route } from '../../serving/route-table.ts'
import { readBody } from '../body.ts'
import type { GatewayContext } from '../context.ts'
import { checkContentType, imageOf } from '../image-body.ts'
import type { Exchange } from '../exchange.ts'
import { checkRoute, serveRequest } from '../serve-request.ts'
import { shadow } from '../shadow.ts'

/** `POST …/predict`: an image in, its class out. */
export async function predict(
  context: GatewayContext,
  exchange: Exchange,
  params: { readonly model?: string; readonly version?: string },
): Promise<void> {
  const { settings } = context
  const { request } = exchange
  const topK = topKOf(exchange.query.get('top_k'), settings.topKMax)
  const wanted = routeRequestOf(params)
  // A request that cannot be routed, or is of no known type, is refused before its body is read.
  checkRoute(context, wanted)
  checkContentType(request.headers['content-type'])
  const body = await readBody(request, settings.bodyBytesMax, context.bodies)
  const image = imageOf(body, request.headers['content-type'])

  const engineRequest = { kind: 'image', image, topK: topK ?? 1 } as const
  const { route, answer } = await serveRequest(context, exchange, wanted, engineRequest)
  const { result, queueMs } = answer
  if (result.kind !== 'classes') throw new CutoverError('INTERNAL', 'an image gave no classes')
  exchange.served({ queueMs, ...result.timings })
  exchange.reply(200, answerOf(route, result.classes, topK))
  shadow(context, route, engineRequest, answer)
  // Answered, so nobody holds it any more; after a failure somebody might.
  context.bodies.giveBack(body)
}

type Classes = readonly { readonly index: number; readonly score: number }[]

/** The Flask service's answer, and what was asked for beyond it. */
function answerOf({ servable }: Route, classes: Classes, topK: number | undefined) {
  const best = { class_index: classes[0]?.index }
  if (topK === undefined) return best
  const { labels } = servable.local
  const predictions = classes.map(({ index, score }) => ({
    class_index: index,
    label: labels?.[index] ?? null,
    score,
  }))
  return { ...best, predictions }
}

function topKOf(value: string | null, topKMax: number): number | undefined {
  if (value === null) return undefined
  const topK = Number(value)
  if (!/^\d+$/.test(value) || topK < 1 || topK > topKMax) {
    throw new CutoverError('REQUEST_INVALID', `top_k must be a whole number from 1 to ${topKMax}`)
  }
  return topK
}

function routeRequestOf({ model, version }: { model?: string; version?: string }) {
  if (model !== undefined && !isModelName(model)) {
    throw new CutoverError('MODEL_NOT_FOUND', 'that is not the name of a model')
  }
  const number = version === undefined ? undefined : parseVersion(version)
  if (version !== undefined && number === undefined) {
    throw new CutoverError('VERSION_NOT_FOUND', 'a version is a positive whole number')
  }
  return { model, version: number }
}

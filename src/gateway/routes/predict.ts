import { CutoverError } from '../../domain/errors.ts'
import type { Route } from '../../serving/route-table.ts'
import { readBody } from '../body.ts'
import type { GatewayContext } from '../context.ts'
import { checkContentType, imageOf } from '../image-body.ts'
import type { Exchange } from '../exchange.ts'
import { infer } from '../infer.ts'
import { routeRequestOf } from '../route-request.ts'

/** `POST …/predict`: an image in, its class out. */
export async function predict(
  context: GatewayContext,
  exchange: Exchange,
  params: { readonly model?: string; readonly version?: string },
): Promise<void> {
  const { settings } = context
  const { request } = exchange
  const topK = topKOf(exchange.query.get('top_k'), settings.topKMax)
  const { route, payload, result } = await infer(context, exchange, {
    wanted: routeRequestOf(params),
    read: async () => {
      checkContentType(request.headers['content-type'])
      const body = await readBody(request, settings.bodyBytesMax, context.bodies)
      return { body, image: imageOf(body, request.headers['content-type']) }
    },
    ask: ({ image }) => ({ kind: 'image', image, topK: topK ?? 1 }),
  })
  if (result.kind !== 'classes') throw new CutoverError('INTERNAL', 'an image gave no classes')
  // Answered, so nobody holds it any more; after a failure somebody might.
  context.bodies.giveBack(payload.body)
  exchange.reply(200, answerOf(route, result.classes, topK))
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

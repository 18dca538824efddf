import type { Request, Response } from 'express'

import { CutoverError } from '../../../domain/errors.ts'
import type { GatewayContext } from '../../context.ts'
import { httpErrorOf } from '../../http-errors.ts'
import type { V2Params } from '../../v2/params.ts'
import { statisticsOf } from '../../v2/statistics.ts'

/** `GET /v2/models[/{model}[/versions/{version}]]/stats`; of an unknown one 400. */
export function statistics(
  context: GatewayContext,
  { params }: Request<V2Params>,
  response: Response,
): void {
  try {
    response.json({ model_stats: statisticsOf(context, params) })
  } catch (error) {
    if (!(error instanceof CutoverError)) throw error
    response.status(400).type('json').send(httpErrorOf(error).body)
  }
}

import type { Request, Response } from 'express'

import { CutoverError } from '../../../domain/errors.ts'
import { pick } from '../../../serving/pick.ts'
import { modelStatistics } from '../../../wire/v2/model-statistics.ts'
import type { GatewayContext } from '../../context.ts'
import { httpErrorOf } from '../../http-errors.ts'
import { modelAt, type V2Params } from './params.ts'

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

function statisticsOf(context: GatewayContext, params: V2Params) {
  const table = context.table()
  if (params.model !== undefined) {
    const wanted = modelAt(params)
    const { servable } = pick(table, wanted, undefined)
    if (wanted.version !== undefined) return [entryOf(servable)]
  }
  const routes = [...table].filter(([name]) => params.model === undefined || name === params.model)
  return routes.flatMap(([, { versions }]) =>
    [...versions.values()].sort((a, b) => a.version - b.version).map(entryOf),
  )
}

function entryOf({ model, version, statistics }: ReturnType<typeof pick>['servable']) {
  return modelStatistics(model, version, statistics)
}

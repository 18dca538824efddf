import type { Servable } from '../../serving/servable.ts'
import { modelStatistics } from '../../wire/v2/model-statistics.ts'
import type { GatewayContext } from '../context.ts'
import { pickServed } from '../pick-served.ts'
import { modelAt, type V2Params } from './params.ts'

/**
 * The counts and times of the versions that are loaded: of all models, of one, or of one version.
 * Throws what `pickServed` throws for an unknown one.
 */
export function statisticsOf(context: GatewayContext, params: V2Params) {
  const table = context.table()
  if (params.model !== undefined) {
    const wanted = modelAt(params)
    const { servable } = pickServed(context, wanted)
    if (wanted.version !== undefined) return [entryOf(servable)]
  }
  const routes = [...table].filter(([name]) => params.model === undefined || name === params.model)
  return routes.flatMap(([, { versions }]) =>
    [...versions.values()].sort((a, b) => a.version - b.version).map(entryOf),
  )
}

function entryOf({ model, version, statistics }: Servable) {
  return modelStatistics(model, version, statistics)
}

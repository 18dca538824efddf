import { createRequire } from 'node:module'

import type { RouteRequest } from '../../serving/pick.ts'
import { modelConfig, modelMetadata } from '../../wire/v2/model-metadata.ts'
import type { GatewayContext } from '../context.ts'
import { pickServed } from '../pick-served.ts'

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string }

/** Who answers, and which extensions of the protocol it knows. */
export const SERVER_METADATA = {
  name: 'cutover',
  version,
  extensions: [
    'binary_tensor_data',
    'classification',
    'model_configuration',
    'model_repository',
    'parameters',
    'statistics',
  ],
}

/** What a model takes and gives. Throws what `pickServed` throws. */
export function metadataOf(context: GatewayContext, wanted: RouteRequest) {
  const { servable } = pickServed(context, wanted)
  const { local, model, pool } = servable
  const loaded = [...(context.table().get(model)?.versions.keys() ?? [])].sort((a, b) => a - b)
  const versions = wanted.version === undefined ? loaded : [wanted.version]
  return modelMetadata(model, versions, local.format, pool.info.signature)
}

/** How a model is served, as far as it has a meaning here. Throws what `pickServed` throws. */
export function configOf(context: GatewayContext, wanted: RouteRequest) {
  const { local, model, pool } = pickServed(context, wanted).servable
  const { versionsLoadedMax } = context.settings
  const engines = pool.enginesReady
  return modelConfig(model, local.format, pool.info.signature, { versionsLoadedMax, engines })
}

import { createRequire } from 'node:module'

import type { Request, Response } from 'express'

import { pick } from '../../../serving/pick.ts'
import { modelConfig, modelMetadata } from '../../../wire/v2/model-metadata.ts'
import type { GatewayContext } from '../../context.ts'
import { modelAt, type V2Params } from './params.ts'

const { version } = createRequire(import.meta.url)('../../../../package.json') as {
  version: string
}

const EXTENSIONS = [
  'binary_tensor_data',
  'classification',
  'model_configuration',
  'model_repository',
  'parameters',
  'statistics',
]

/** `GET /v2`: who answers, and which extensions of the protocol it knows. */
export function serverMetadata(
  _context: GatewayContext,
  _request: Request,
  response: Response,
): void {
  response.json({ name: 'cutover', version, extensions: EXTENSIONS })
}

/** `GET /v2/models/{model}[/versions/{version}]`: what it takes and gives. */
export function metadata(
  context: GatewayContext,
  { params }: Request<V2Params>,
  response: Response,
): void {
  const wanted = modelAt(params)
  const { servable } = pick(context.table(), wanted, undefined)
  const { local, model, pool } = servable
  const loaded = [...(context.table().get(model)?.versions.keys() ?? [])].sort((a, b) => a - b)
  const versions = wanted.version === undefined ? loaded : [wanted.version]
  response.json(modelMetadata(model, versions, local.format, pool.info.signature))
}

/** `GET /v2/models/{model}[/versions/{version}]/config`. */
export function config(
  context: GatewayContext,
  { params }: Request<V2Params>,
  response: Response,
): void {
  const { local, model, pool } = pick(context.table(), modelAt(params), undefined).servable
  const { versionsLoadedMax } = context.settings
  const engines = pool.enginesReady
  response.json(
    modelConfig(model, local.format, pool.info.signature, { versionsLoadedMax, engines }),
  )
}

import type { Request, Response } from 'express'

import type { VersionStatus } from '../../../serving/manager.ts'
import { modelMetadata } from '../../../wire/tensorflow-serving/model-metadata.ts'
import {
  type ModelVersionStatus,
  versionStatus,
} from '../../../wire/tensorflow-serving/model-status.ts'
import type { GatewayContext } from '../../context.ts'
import { pickServed } from '../../pick-served.ts'
import { modelAt, type ServingParams } from './params.ts'

/** `GET /v1/models/{model}[/versions/{version}|/labels/{label}]`. */
export function status(
  context: GatewayContext,
  { params }: Request<ServingParams>,
  response: Response,
): void {
  const wanted = modelAt(params)
  const known = context.statusesOf(wanted.model ?? '')
  const asked =
    wanted.version === undefined && wanted.label === undefined
      ? known
      : known.filter(({ version }) => version === wanted.version)
  if (asked.length > 0) {
    response.json({ model_version_status: asked.map(describe).toReversed() })
    return
  }
  const { servable } = pickServed(context, wanted)
  response.json({ model_version_status: [versionStatus(servable.version, 'AVAILABLE')] })
}

/** `GET /v1/models/{model}[/versions/{version}|/labels/{label}]/metadata`. */
export function metadata(
  context: GatewayContext,
  { params }: Request<ServingParams>,
  response: Response,
): void {
  const { model, pool, version } = pickServed(context, modelAt(params)).servable
  response.json(modelMetadata(model, version, pool.info))
}

function describe({ version, entry }: VersionStatus): ModelVersionStatus {
  switch (entry.state.kind) {
    case 'new':
      return versionStatus(version, entry.aspired ? 'START' : 'END')
    case 'loading':
      return versionStatus(version, 'LOADING')
    case 'ready':
      return versionStatus(version, 'AVAILABLE')
    case 'draining':
      return versionStatus(version, 'UNLOADING')
    case 'rejected':
    case 'retrying':
      return versionStatus(version, 'END', entry.state.reason)
  }
}

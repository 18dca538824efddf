import type { Request, Response } from 'express'

import type { GatewayContext } from '../../context.ts'
import { configOf, metadataOf, SERVER_METADATA } from '../../v2/metadata.ts'
import { modelAt, type V2Params } from '../../v2/params.ts'

/** `GET /v2`: who answers, and which extensions of the protocol it knows. */
export function serverMetadata(
  _context: GatewayContext,
  _request: Request,
  response: Response,
): void {
  response.json(SERVER_METADATA)
}

/** `GET /v2/models/{model}[/versions/{version}]`: what it takes and gives. */
export function metadata(
  context: GatewayContext,
  { params }: Request<V2Params>,
  response: Response,
): void {
  response.json(metadataOf(context, modelAt(params)))
}

/** `GET /v2/models/{model}[/versions/{version}]/config`. */
export function config(
  context: GatewayContext,
  { params }: Request<V2Params>,
  response: Response,
): void {
  response.json(configOf(context, modelAt(params)))
}

import type { Request, Response } from 'express'

import { parseControlRequest, parseIndexRequest } from '../../../wire/v2/repository-request.ts'
import type { GatewayContext } from '../../context.ts'
import { indexOf, loadModel, unloadModel } from '../../v2/repository.ts'

/** `POST /v2/repository/index`: every version the server knows; `{"ready": true}`: the ready ones. */
export function repositoryIndex(
  context: GatewayContext,
  request: Request,
  response: Response,
): void {
  const { ready } = parseIndexRequest(textOf(request.body))
  response.json(indexOf(context, ready ?? false))
}

/** `POST /v2/repository/models/{model}/load`: 200 when the model infers. */
export async function load(
  context: GatewayContext,
  { params, body }: Request,
  response: Response,
): Promise<void> {
  const { parameters } = parseControlRequest(textOf(body))
  let isGone = false
  response.once('close', () => {
    isGone = true
  })
  await loadModel(context, String(params['model']), parameters ?? {}, () => isGone)
  response.json({})
}

/** `POST /v2/repository/models/{model}/unload`: 503 for a model that is there. */
export function unload(
  context: GatewayContext,
  { params, body }: Request,
  response: Response,
): void {
  parseControlRequest(textOf(body))
  unloadModel(context, String(params['model']))
  response.json({})
}

/** Express leaves a body that was not sent undefined. */
function textOf(body: unknown): string {
  return typeof body === 'string' ? body : ''
}

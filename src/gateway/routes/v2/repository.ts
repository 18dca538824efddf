import type { Request, Response } from 'express'
import { z } from 'zod'

import { CutoverError } from '../../../domain/errors.ts'
import type { GatewayContext } from '../../context.ts'
import { indexOf, loadModel, unloadModel } from '../../v2/repository.ts'

/** `POST /v2/repository/index`: every version the server knows; `{"ready": true}`: the ready ones. */
export function repositoryIndex(
  context: GatewayContext,
  request: Request,
  response: Response,
): void {
  response.json(indexOf(context, wantsReady(request.body as unknown)))
}

/** `POST /v2/repository/models/{model}/load`: 200 when the model infers. */
export async function load(
  context: GatewayContext,
  { params }: Request,
  response: Response,
): Promise<void> {
  await loadModel(context, String(params['model']))
  response.json({})
}

/** `POST /v2/repository/models/{model}/unload`: 503 for a model that is there. */
export function unload(context: GatewayContext, { params }: Request, response: Response): void {
  unloadModel(context, String(params['model']))
  response.json({})
}

const INDEX_REQUEST = z.object({ ready: z.boolean().optional() })

function wantsReady(body: unknown): boolean {
  if (typeof body !== 'string' || body.trim() === '') return false
  try {
    return INDEX_REQUEST.parse(JSON.parse(body)).ready ?? false
  } catch (error) {
    throw new CutoverError(
      'REQUEST_INVALID',
      'the body must be empty or a JSON object whose `ready` is true or false',
      { cause: error },
    )
  }
}

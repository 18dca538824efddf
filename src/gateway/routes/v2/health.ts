import type { Request, Response } from 'express'

import { CutoverError } from '../../../domain/errors.ts'
import { pick } from '../../../serving/pick.ts'
import type { GatewayContext } from '../../context.ts'
import { httpErrorOf } from '../../http-errors.ts'
import { modelAt, type V2Params } from './params.ts'

/** `GET /v2/health/live`: 200 and nothing more. */
export function live(_context: GatewayContext, _request: Request, response: Response): void {
  response.end()
}

/** `GET /v2/health/ready`: 200 when models can infer, else 400. */
export function ready(context: GatewayContext, _request: Request, response: Response): void {
  const reason = context.unready()
  if (reason === undefined) response.end()
  else notReady(response, new CutoverError('MODEL_NOT_READY', `not ready: ${reason}`))
}

/** `GET /v2/models/{model}[/versions/{version}]/ready`: 200 when it can infer, else 400. */
export function modelReady(
  context: GatewayContext,
  { params }: Request<V2Params>,
  response: Response,
): void {
  try {
    const { servable } = pick(context.table(), modelAt(params), undefined)
    if (servable.pool.enginesReady === 0) {
      throw new CutoverError('MODEL_NOT_READY', `no engine of ${servable.model} is up`)
    }
    response.end()
  } catch (error) {
    notReady(response, error)
  }
}

function notReady(response: Response, error: unknown): void {
  response.status(400).type('json').send(httpErrorOf(error).body)
}

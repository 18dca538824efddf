import type { Request, Response } from 'express'

import type { GatewayContext } from '../../context.ts'
import { httpErrorOf } from '../../http-errors.ts'
import { modelAt, type V2Params } from '../../v2/params.ts'
import { checkModelReady, checkReady } from '../../v2/readiness.ts'

/** `GET /v2/health/live`: 200 and nothing more. */
export function live(_context: GatewayContext, _request: Request, response: Response): void {
  response.end()
}

/** `GET /v2/health/ready`: 200 when models can infer, else 400. */
export function ready(context: GatewayContext, _request: Request, response: Response): void {
  answer(response, () => checkReady(context))
}

/** `GET /v2/models/{model}[/versions/{version}]/ready`: 200 when it can infer, else 400. */
export function modelReady(
  context: GatewayContext,
  { params }: Request<V2Params>,
  response: Response,
): void {
  answer(response, () => checkModelReady(context, modelAt(params)))
}

function answer(response: Response, check: () => void): void {
  try {
    check()
    response.end()
  } catch (error) {
    response.status(400).type('json').send(httpErrorOf(error).body)
  }
}

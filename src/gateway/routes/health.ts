import type { Request, Response } from 'express'

import type { GatewayContext } from '../context.ts'

/** `GET /healthz/live`: the process answers. */
export function live(_context: GatewayContext, _request: Request, response: Response): void {
  response.json({ status: 'live' })
}

/** `GET /healthz/ready`: models can infer and the server is not on its way out. */
export function ready(context: GatewayContext, _request: Request, response: Response): void {
  const reason = context.unready()
  if (reason === undefined) response.json({ status: 'ready' })
  else response.status(503).json({ status: 'not ready', reason })
}

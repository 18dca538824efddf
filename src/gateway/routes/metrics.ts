import type { Request, Response } from 'express'

import type { GatewayContext } from '../context.ts'

/** `GET /metrics`: Prometheus' text format. */
export async function metrics(
  context: GatewayContext,
  _request: Request,
  response: Response,
): Promise<void> {
  response.set('content-type', context.metrics.contentType).send(await context.metrics.render())
}

import type { Request, Response } from 'express'

import { parseBucketEvent } from '../../wire/bucket-event.ts'
import type { GatewayContext } from '../context.ts'

/**
 * `POST /registry/events`: a bucket's event. What it says is not trusted, it is a reason to look:
 * answers 202 and whether it was one.
 */
export function registryEvents(
  { logger, source, hint }: GatewayContext,
  request: Request,
  response: Response,
): void {
  const event = parseBucketEvent(String(request.body))
  const { location } = source()
  const isOurs =
    event.kind === 'changed' &&
    event.objects.some(({ bucket, key }) => `s3://${bucket}/${key}`.startsWith(`${location}/`))
  if (isOurs) hint()
  if (event.kind === 'confirm') {
    const { url } = event
    logger.warn({ url }, `to get the bucket's events from Amazon SNS, open ${url}`)
  }
  response.status(202).json({ looking: isOurs })
}

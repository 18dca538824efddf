import type { Request, Response } from 'express'

import { parseEventQuery } from '../../wire/event-query.ts'
import type { GatewayContext } from '../context.ts'

/**
 * `GET /events`: what happened to versions, engines and rollouts: the newest `limit`, or the first
 * `limit` after `since`; as they happen for who accepts `text/event-stream`.
 */
export function listEvents(
  { events, streams }: GatewayContext,
  request: Request,
  response: Response,
): void {
  const { since, limit, model } = parseEventQuery(request.query)
  const isStream = request.accepts(['json', 'text/event-stream']) === 'text/event-stream'
  if (isStream && request.method === 'GET') {
    streams.open(response, { since: request.get('last-event-id') || since, model })
    return
  }
  const page = events.after(since)
  const wanted = page.events.filter((event) => model === undefined || event.model === model)
  const listed = since === undefined ? wanted.slice(-limit) : wanted.slice(0, limit)
  response.set('cache-control', 'no-store')
  response.json({ events: listed, missed: page.missed, lastId: listed.at(-1)?.id ?? events.lastId })
}

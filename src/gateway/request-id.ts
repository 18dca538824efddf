import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** What a client's own id may look like: it is sent back and logged. */
const CLIENT_ID = /^[\w.:-]{1,128}$/

/** The client's `x-request-id` where it is harmless, else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && CLIENT_ID.test(given) ? given : randomUUID()
}

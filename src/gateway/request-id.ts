import { randomUUID } from 'node:crypto'

/** What a client's own id may look like: it is sent back and logged. */
const CLIENT_ID = /^[\w.:-]{1,128}$/

/** The `x-request-id` that a client gave where it is harmless, else a new one. */
export function requestIdOf(given: unknown): string {
  return typeof given === 'string' && CLIENT_ID.test(given) ? given : randomUUID()
}

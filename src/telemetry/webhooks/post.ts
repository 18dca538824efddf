import { createHmac } from 'node:crypto'

import { messageOf } from '../../domain/errors.ts'
import type { Delivery } from '../../wire/delivery.ts'

const RETRY_AFTER_SECONDS_MAX = 3_600
/** Of the client errors, those that say "later". */
const LATER = [408, 425, 429]

/** How an attempt ended. */
export type Attempt =
  | { readonly kind: 'delivered' }
  /** Sending the same again would get the same answer. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs: number }

/**
 * The value of `x-cutover-signature`: HMAC-SHA256 (RFC 2104) of `TIMESTAMP.BODY`, so that what was
 * overheard cannot be sent again later.
 */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`
}

/** Sends a delivery once. Resolves in any case, when the signal aborts at the latest. */
export async function post(
  url: string,
  { id, body }: Delivery,
  { secret, signal }: { readonly secret: string | undefined; readonly signal: AbortSignal },
): Promise<Attempt> {
  const timestamp = String(Math.floor(Date.now() / 1000))
  const signed =
    secret === undefined ? {} : { 'x-cutover-signature': signatureOf(secret, timestamp, body) }
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'cutover',
    'x-cutover-timestamp': timestamp,
    'x-cutover-delivery': id,
    ...signed,
  }
  try {
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
    // What it says does not matter, and may have no end.
    await response.body?.cancel().catch(() => undefined)
    return attemptOf(response)
  } catch (error) {
    return { kind: 'failed', reason: reasonOf(error), retryAfterMs: 0 }
  }
}

function attemptOf({ ok, status, headers }: Response): Attempt {
  if (ok) return { kind: 'delivered' }
  if (status >= 300 && status < 400) {
    return { kind: 'refused', reason: `it answered ${status}, and redirects are not followed` }
  }
  const reason = `it answered ${status}`
  if (status < 500 && !LATER.includes(status)) return { kind: 'refused', reason }
  const seconds = /^\d{1,9}$/.exec(headers.get('retry-after') ?? '')?.[0] ?? '0'
  const retryAfterMs = Math.min(RETRY_AFTER_SECONDS_MAX, Number(seconds)) * 1_000
  return { kind: 'failed', reason, retryAfterMs }
}

/** fetch() says that it failed; its cause says why. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return messageOf(cause ?? error)
}

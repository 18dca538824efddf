import { setTimeout as sleep } from 'node:timers/promises'

import { CutoverError } from '../../domain/errors.ts'
import { backoffMs } from '../../lib/backoff.ts'
import { statusOf } from './s3-error.ts'

/** Beyond those that the SDK makes of each request within a second. */
const TRIES_MAX = 4
const RETRY_BACKOFF = { firstMs: 300, maxMs: 3_000 }
/** No such upload, as it has been completed; an answer cut short; too late, in conflict, too often. */
const PASSING_STATUSES = [404, 408, 409, 429]

/** Tries a read, or a write that does no harm twice, again while it may yet succeed. */
export async function retrying<T>(signal: AbortSignal, action: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await action()
    } catch (error) {
      signal.throwIfAborted()
      if (tries >= TRIES_MAX || !isPassing(error)) throw error
    }
    await sleep(backoffMs(tries, RETRY_BACKOFF), undefined, { signal })
  }
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof CutoverError) || error.code !== 'REGISTRY_UNAVAILABLE') return false
  const { cause } = error
  const status = statusOf(cause)
  if (cause instanceof Error && cause.name === 'NoSuchBucket') return false
  return status === undefined || status >= 500 || PASSING_STATUSES.includes(status)
}

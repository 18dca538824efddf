import type { IncomingHttpHeaders } from 'node:http'

import { S3Error } from './errors.ts'
import type { StoredObject } from './store.ts'

/**
 * Checks a write's conditions. Called in the same synchronous step as the write itself.
 * @throws S3Error 412, or 404 where If-Match names a key that is not there
 */
export function checkWrite(headers: IncomingHttpHeaders, current: StoredObject | undefined): void {
  const ifMatch = headers['if-match']
  const ifNoneMatch = headers['if-none-match']
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') throw new S3Error('NotImplemented')
  if (ifNoneMatch === '*' && current !== undefined) throw new S3Error('PreconditionFailed')
  if (ifMatch === undefined) return
  if (current === undefined) throw new S3Error('NoSuchKey')
  if (!matches(ifMatch, current)) throw new S3Error('PreconditionFailed')
}

/** What a read's conditions say: go on, or that the reader has it already. */
export function checkRead(
  headers: IncomingHttpHeaders,
  current: StoredObject,
): 'modified' | 'same' {
  const ifMatch = headers['if-match']
  const ifNoneMatch = headers['if-none-match']
  if (ifMatch !== undefined && !matches(ifMatch, current)) throw new S3Error('PreconditionFailed')
  return ifNoneMatch !== undefined && matches(ifNoneMatch, current) ? 'same' : 'modified'
}

function matches(condition: string, { etag }: StoredObject): boolean {
  return condition
    .split(',')
    .map((value) => value.trim())
    .some((value) => value === '*' || value === etag || `"${value}"` === etag)
}

import type { Effect } from './faults.ts'

const HTML = '<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>'
const MIB = 2 ** 20

/** One of each kind, and of errors the usual ones, by a name to print. For tables of faults. */
export const EVERY_EFFECT = {
  'connection refused': { kind: 'refuse', forMs: 300 },
  'connection reset': { kind: 'reset' },
  'no answer': { kind: 'hang' },
  '500 InternalError': { kind: 'error', code: 'InternalError' },
  '503 SlowDown': { kind: 'error', code: 'SlowDown' },
  '403 AccessDenied': { kind: 'error', code: 'AccessDenied' },
  '400 ExpiredToken': { kind: 'error', code: 'ExpiredToken' },
  '403 ExpiredToken': { kind: 'error', code: 'ExpiredToken', status: 403 },
  '403 InvalidAccessKeyId': { kind: 'error', code: 'InvalidAccessKeyId' },
  '404 NoSuchKey': { kind: 'error', code: 'NoSuchKey' },
  '404 NoSuchBucket': { kind: 'error', code: 'NoSuchBucket' },
  '409 ConditionalRequestConflict': { kind: 'error', code: 'ConditionalRequestConflict' },
  '301 PermanentRedirect': { kind: 'error', code: 'PermanentRedirect' },
  'a page of HTML': { kind: 'page', contentType: 'text/html', text: HTML },
  'broken XML': { kind: 'page', contentType: 'application/xml', text: '<ListBucketResult><Cont' },
  'an empty 200': { kind: 'page', contentType: 'application/xml', text: '' },
  'answer lost': { kind: 'lose-answer' },
  'stale listing': { kind: 'stale-listing' },
  'repeated token': { kind: 'repeat-token' },
  'flipped bit': { kind: 'flip' },
  'half the content': { kind: 'shorten' },
  'body of another object': { kind: 'substitute' },
  '50 MiB': { kind: 'pad', bytes: 50 * MIB },
  // Not without any end: the SDK would hold all of it.
  '256 MiB of unknown length': { kind: 'pad', bytes: 256 * MIB, isChunked: true },
  'wrong ETag': { kind: 'etag', value: `"${'0'.repeat(32)}"` },
  'no ETag': { kind: 'etag' },
  'late answer': { kind: 'delay', ms: 200 },
  'slow bytes': { kind: 'slow', bytesPerSecond: 2_000 },
  'truncated body': { kind: 'truncate' },
  'reset in the body': { kind: 'reset-mid-body' },
  'Content-Length too large': { kind: 'content-length', delta: 10 },
  'Content-Length too small': { kind: 'content-length', delta: -10 },
} as const satisfies Readonly<Record<string, Effect>>

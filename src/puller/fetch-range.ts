import type { Buffer } from 'node:buffer'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'

import { PullFailure, Refused } from './failure.ts'

/** A transfer that brings less in one stall time-out is given up and begun anew. */
const STALL_BYTES_MIN = 16 * 1024

const agents = {
  'http:': new http.Agent({ keepAlive: true }),
  'https:': new https.Agent({ keepAlive: true }),
}

export interface RangeRequest {
  readonly url: string
  readonly etag: string
  /** The range, its end excluded. */
  readonly start: number
  readonly end: number
  /** Bytes of the whole object. */
  readonly total: number
  readonly stallTimeoutMs: number
  readonly signal: AbortSignal
}

/**
 * The bytes of a range, in order, as they arrive. Throws Refused, PullFailure, the signal's reason,
 * or what the network throws, also when they come too slowly or fewer than promised.
 */
export async function* fetchRange(request: RangeRequest): AsyncIterable<Buffer> {
  const { start, end, stallTimeoutMs, signal } = request
  signal.throwIfAborted()
  const abort = new AbortController()
  const onStop = () => abort.abort(signal.reason)
  signal.addEventListener('abort', onStop, { once: true })
  let bytesSince = 0
  const watch = setInterval(() => {
    if (bytesSince < STALL_BYTES_MIN) abort.abort(new Error('the bytes come too slowly'))
    bytesSince = 0
  }, stallTimeoutMs)
  try {
    const response = await get(request, abort.signal)
    checkAnswer(response, request)
    let position = start
    for await (const chunk of response as AsyncIterable<Buffer>) {
      position += chunk.length
      bytesSince += chunk.length
      if (position > end) throw new Error('more bytes came than were asked for')
      yield chunk
    }
    if (position < end) throw new Error(`the connection ended ${end - position} bytes early`)
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : error
  } finally {
    clearInterval(watch)
    signal.removeEventListener('abort', onStop)
    abort.abort()
  }
}

function get(
  { url, etag, start, end }: RangeRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const target = new URL(url)
  const isSecure = target.protocol === 'https:'
  const headers: Record<string, string> = { range: `bytes=${start}-${end - 1}` }
  if (etag !== '') headers['if-match'] = etag
  return new Promise((resolve, reject) => {
    const agent = agents[isSecure ? 'https:' : 'http:']
    const request = (isSecure ? https : http).get(target, { agent, headers, signal }, resolve)
    request.on('error', reject)
  })
}

function checkAnswer(response: IncomingMessage, { start, end, total }: RangeRequest): void {
  const { statusCode = 0, headers } = response
  if (statusCode === 206) {
    const range = headers['content-range'] ?? ''
    const [, from, to, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range) ?? []
    if (size !== undefined && Number(size) !== total) throw otherSize(Number(size), total)
    if (Number(from) === start && Number(to) === end - 1) return
  }
  // A range that is the whole object may be answered with the whole object.
  if (statusCode === 200 && start === 0 && end === total) {
    const size = Number(headers['content-length'] ?? total)
    if (size !== total) throw otherSize(size, total)
    return
  }
  // The connection is not used again: what follows may be endless.
  response.destroy()
  if (statusCode === 403 || statusCode === 401) throw new Refused(`the answer was ${statusCode}`)
  if (statusCode === 404) throw new PullFailure('absent', 'is missing')
  if (statusCode === 412) throw new PullFailure('changed', 'was replaced while it was read')
  if (statusCode === 416) throw otherSize(Number(headers['content-range']?.split('/')[1]), total)
  throw new Error(
    statusCode === 200 || statusCode === 206
      ? 'the server did not answer with the range it was asked for'
      : `the answer was ${statusCode}`,
  )
}

function otherSize(found: number, total: number): PullFailure {
  const has = Number.isNaN(found) ? 'has another size' : `has ${found} bytes`
  return new PullFailure('corrupt', `${has}, but manifest.json says ${total}`)
}

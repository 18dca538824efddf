import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Accounts } from './accounts.ts'
import { altered } from './altered-answer.ts'
import { type Answer, errorAnswer, textAnswer } from './answer.ts'
import { deliver } from './delivery.ts'
import { S3Error } from './errors.ts'
import { type Effect, type FaultPlan, type Hit, keyOf } from './faults.ts'
import { perform } from './operations.ts'
import type { LoggedRequest, RequestLog } from './request-log.ts'
import { parseRequest, type S3Request } from './request.ts'
import { authenticate } from './sigv4.ts'
import { type Buckets, ObjectStore } from './store.ts'

export interface HandlerOptions {
  readonly buckets: Buckets
  readonly accounts: Accounts
  readonly region: string
  readonly faults: FaultPlan
  readonly requests: RequestLog
  readonly goDown: (forMs: number | undefined) => void
}

/** Answers one request, or does to it what the faults that it meets say. */
export async function handle(
  http: IncomingMessage,
  response: ServerResponse,
  options: HandlerOptions,
): Promise<void> {
  const parsed = outcomeOf(() => parseRequest(http))
  const request = parsed instanceof S3Error ? undefined : parsed
  const hits = request === undefined ? [] : options.faults.take(request)
  const effects = hits.map(({ effect }) => effect)
  const logged = logRequest(http, request, effects, options.requests)

  for (const effect of effects) if (effect.kind === 'delay') await sleep(effect.ms)
  if (isWithoutAnswer(effects, response, options)) return
  const answer =
    parsed instanceof S3Error
      ? errorAnswer(parsed, http.url ?? '')
      : await answerTo(parsed, hits, options)
  http.resume() // what a refused writer still sends
  if (effects.some(({ kind }) => kind === 'lose-answer')) {
    http.socket.resetAndDestroy()
    return
  }
  logged.status = answer.status
  response.setHeader('server', 'fake-s3')
  logged.bytesSent = await deliver(answer, response, effects)
}

async function answerTo(
  request: S3Request,
  hits: readonly Hit[],
  { buckets, accounts, region }: HandlerOptions,
): Promise<Answer> {
  try {
    for (const { effect } of hits) {
      if (effect.kind === 'error') throw new S3Error(effect.code, effect.status)
      if (effect.kind === 'page') return textAnswer(200, effect.contentType, effect.text)
    }
    authenticate(request, accounts, region)
    let answer = await perform(buckets, request, {
      staleView: hits.find(({ effect }) => effect.kind === 'stale-listing')?.staleView,
      repeatsToken: hits.some(({ effect }) => effect.kind === 'repeat-token'),
    })
    const objects = buckets.get(request.bucket)?.objects ?? new ObjectStore()
    for (const { effect } of hits) answer = await altered(answer, effect, request.key, objects)
    return answer
  } catch (error) {
    if (!(error instanceof S3Error)) throw error
    return errorAnswer(error, request.rawPath)
  }
}

function isWithoutAnswer(
  effects: readonly Effect[],
  response: ServerResponse,
  { goDown }: HandlerOptions,
): boolean {
  for (const effect of effects) {
    if (effect.kind === 'hang') return true
    if (effect.kind === 'reset') {
      response.socket?.resetAndDestroy()
      return true
    }
    if (effect.kind === 'refuse') {
      goDown(effect.forMs)
      return true
    }
  }
  return false
}

function outcomeOf(parse: () => S3Request): S3Request | S3Error {
  try {
    return parse()
  } catch (error) {
    if (error instanceof S3Error) return error
    throw error
  }
}

function logRequest(
  http: IncomingMessage,
  request: S3Request | undefined,
  effects: readonly Effect[],
  requests: RequestLog,
): LoggedRequest {
  const logged: LoggedRequest = {
    operation: request?.operation,
    method: http.method ?? '',
    key: request === undefined ? '' : keyOf(request),
    query: Object.fromEntries(request?.query ?? []),
    headers: http.headers,
    faults: effects.map(({ kind }) => kind),
    status: undefined,
    bytesSent: 0,
  }
  requests.add(logged)
  return logged
}

import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'

import { percentile } from '../lib/statistics.ts'
import {
  type GrpcLoadCommand,
  type GrpcLoadMessage,
  type GrpcLoadResult,
  INFER_PATH,
} from './protocol.ts'
import { PREFIX_BYTES, tinyRequest } from './tiny-request.ts'

const FAILURES_MAX = 10
const HEADERS = {
  ':method': 'POST',
  ':path': INFER_PATH,
  'content-type': 'application/grpc',
  te: 'trailers',
}

/** Resolves with what was wrong with the answer; undefined: nothing. */
function call(session: ClientHttp2Session, request: Buffer): Promise<string | undefined> {
  return new Promise((resolve) => {
    const stream = session.request(HEADERS)
    let bytes = 0
    let status: unknown
    let failure: string | undefined
    stream.on('data', (chunk: Buffer) => (bytes += chunk.length))
    stream.on('trailers', (trailers) => (status = trailers['grpc-status']))
    stream.on('error', (error) => (failure = error.message))
    stream.on('close', () => {
      if (status !== '0') failure ??= `grpc-status ${String(status)}`
      if (bytes <= PREFIX_BYTES) failure ??= `an answer of ${bytes} bytes`
      resolve(failure)
    })
    stream.end(request)
  })
}

/** Calls over one HTTP/2 connection; not by a gRPC library, which costs a client more. */
async function measure({ address, calls, seconds }: GrpcLoadCommand): Promise<GrpcLoadResult> {
  const session = connect(`http://${address}`)
  await once(session, 'connect')
  const request = tinyRequest()
  const latenciesMs: number[] = []
  const failures: string[] = []
  const startedAt = performance.now()
  const end = startedAt + seconds * 1000
  const callAgainAndAgain = async (): Promise<void> => {
    while (performance.now() < end && failures.length < FAILURES_MAX) {
      const sentAt = performance.now()
      const failure = await call(session, request)
      latenciesMs.push(performance.now() - sentAt)
      if (failure !== undefined) failures.push(failure)
    }
  }
  await Promise.all(Array.from({ length: calls }, callAgainAndAgain))
  const took = performance.now() - startedAt
  session.close()
  return {
    kind: 'result',
    perSecond: ((latenciesMs.length - failures.length) / took) * 1000,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    failures,
  }
}

process.on('message', (command: GrpcLoadCommand) => {
  void measure(command).then((result) => process.send?.(result satisfies GrpcLoadMessage))
})
process.on('disconnect', () => process.exit())
process.send?.({ kind: 'ready' } satisfies GrpcLoadMessage)

import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'

import protobuf from 'protobufjs/minimal.js'

import { percentile } from '../lib/statistics.ts'
import {
  type GrpcLoadCommand,
  type GrpcLoadMessage,
  type GrpcLoadResult,
  INFER_PATH,
} from './protocol.ts'

/**
 * Calls over one HTTP/2 connection. Not by a gRPC library: it costs a client as much as the server,
 * with which it shares the cores.
 */
const FAILURES_MAX = 10
const HEADERS = {
  ':method': 'POST',
  ':path': INFER_PATH,
  'content-type': 'application/grpc',
  te: 'trailers',
}
const PREFIX_BYTES = 5

/** A ModelInferRequest of the model `tiny`: FP32 [1, 4], raw; not compressed, and its length. */
function tinyRequest(): Buffer {
  const writer = protobuf.Writer.create().uint32(0x0a).string('tiny').uint32(0x2a).fork()
  writer.uint32(0x0a).string('x').uint32(0x12).string('FP32')
  writer.uint32(0x1a).fork().int64(1).int64(4).ldelim().ldelim()
  const message = writer.uint32(0x3a).bytes(Buffer.alloc(16)).finish()
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
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

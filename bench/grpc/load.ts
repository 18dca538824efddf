import { Client, credentials } from '@grpc/grpc-js'
import protobuf from 'protobufjs/minimal.js'

import { percentile } from '../lib/statistics.ts'
import {
  asBytes,
  type GrpcLoadCommand,
  type GrpcLoadMessage,
  type GrpcLoadResult,
  INFER_PATH,
} from './protocol.ts'

const FAILURES_MAX = 10

/** A ModelInferRequest of the model `tiny`: FP32 [1, 4], raw. */
function tinyRequest(): Buffer {
  const writer = protobuf.Writer.create().uint32(0x0a).string('tiny').uint32(0x2a).fork()
  writer.uint32(0x0a).string('x').uint32(0x12).string('FP32')
  writer.uint32(0x1a).fork().int64(1).int64(4).ldelim().ldelim()
  return writer.uint32(0x3a).bytes(Buffer.alloc(16)).finish() as Buffer
}

async function measure({ address, calls, seconds }: GrpcLoadCommand): Promise<GrpcLoadResult> {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.enable_channelz': 0 })
  const request = tinyRequest()
  const latenciesMs: number[] = []
  const failures: string[] = []
  const startedAt = performance.now()
  const end = startedAt + seconds * 1000
  const callAgainAndAgain = async (): Promise<void> => {
    while (performance.now() < end && failures.length < FAILURES_MAX) {
      const sentAt = performance.now()
      const failure = await new Promise<string | undefined>((resolve) => {
        client.makeUnaryRequest(INFER_PATH, asBytes, asBytes, request, (error) =>
          resolve(error?.message),
        )
      })
      latenciesMs.push(performance.now() - sentAt)
      if (failure !== undefined) failures.push(failure)
    }
  }
  await Promise.all(Array.from({ length: calls }, callAgainAndAgain))
  const took = performance.now() - startedAt
  client.close()
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

import type { ChildProcess } from 'node:child_process'
import path from 'node:path'

import type {
  EchoMessage,
  GrpcLoadCommand,
  GrpcLoadMessage,
  GrpcLoadResult,
} from '../grpc/protocol.ts'
import { atLeast, atMost, type Bench, ms, type PartReport, perSecond } from '../lib/bench.ts'
import { forkOwned, nextMessage, stop } from '../lib/child.ts'
import { CutoverServer, freePort, saysReady } from '../lib/cutover-server.ts'
import { tinyRegistry } from '../lib/registry.ts'
import { median } from '../lib/statistics.ts'

const FULL_LOAD = 32
const CORES = '0,1'
const ENGINES = 2
const WARMUP_SECONDS = 2
const START_TIMEOUT_MS = 30_000
const STOP_GRACE_MS = 1000

interface Round {
  readonly echo: GrpcLoadResult
  readonly cutover: GrpcLoadResult
  /** The same where requests share runs. */
  readonly batched: GrpcLoadResult
}

/** Small tensors over gRPC, in turns with a gRPC server that does nothing. */
export async function grpc({ options, workDir, progress }: Bench): Promise<PartReport> {
  const load = forkOwned(new URL('../grpc/load.ts', import.meta.url), { cores: CORES })
  const echo = forkOwned(new URL('../grpc/echo.ts', import.meta.url), { cores: CORES })
  const [{ port }] = await Promise.all([
    nextMessage<EchoMessage>(echo, 'listening', START_TIMEOUT_MS),
    nextMessage<GrpcLoadMessage>(load, 'ready', START_TIMEOUT_MS),
  ])
  const serve = async (name: string, batching?: { sizeMax: number }) => {
    const grpcPort = await freePort()
    const dir = path.join(workDir, name)
    const server = await CutoverServer.start(
      {
        registry: tinyRegistry(path.join(dir, 'models'), batching),
        engines: ENGINES,
        workDir: dir,
        env: { CUTOVER_GRPC_PORT: String(grpcPort) },
        cores: CORES,
      },
      saysReady,
    )
    return { grpcPort, stop: () => server.stop() }
  }
  const server = await serve('grpc')
  const batched = await serve('grpc-batched', { sizeMax: FULL_LOAD })
  const run = (at: number, calls: number, seconds: number): Promise<GrpcLoadResult> =>
    measure(load, { kind: 'measure', address: `127.0.0.1:${at}`, calls, seconds })
  try {
    for (const at of [port, server.grpcPort, batched.grpcPort])
      await run(at, FULL_LOAD, WARMUP_SECONDS)
    const rounds: Round[] = []
    for (let round = 1; round <= options.rounds; round++) {
      progress(`gRPC, round ${round} of ${options.rounds}`)
      rounds.push({
        echo: await run(port, FULL_LOAD, options.seconds),
        cutover: await run(server.grpcPort, FULL_LOAD, options.seconds),
        batched: await run(batched.grpcPort, FULL_LOAD, options.seconds),
      })
    }
    return report(rounds, await run(server.grpcPort, 1, options.seconds))
  } finally {
    await Promise.all([server.stop(), batched.stop()])
    await Promise.all([load, echo].map((child) => stop(child, STOP_GRACE_MS)))
  }
}

function report(rounds: readonly Round[], one: GrpcLoadResult): PartReport {
  const over = (pick: (round: Round) => number): number => median(rounds.map(pick))
  const runs = rounds.flatMap(({ cutover, batched }) => [cutover, batched])
  const failures = [one, ...runs].flatMap((run) => run.failures)
  const batchedPerSecond = over(({ batched }) => batched.perSecond)
  const cutoverPerSecond = over(({ cutover }) => cutover.perSecond)
  return {
    title: 'gRPC: FP32 [1, 4] of a tiny model on two cores, one connection; medians',
    rows: [
      { what: `echo, c=${FULL_LOAD}`, value: perSecond(over(({ echo }) => echo.perSecond)) },
      {
        what: `cutover, c=${FULL_LOAD}`,
        value:
          `${perSecond(cutoverPerSecond)}, p50 ${ms(over(({ cutover }) => cutover.p50Ms))}, ` +
          `p99 ${ms(over(({ cutover }) => cutover.p99Ms))}`,
        bar: atLeast(5000, cutoverPerSecond, '/s'),
      },
      {
        what: `cutover, c=${FULL_LOAD}, requests share runs`,
        value: perSecond(batchedPerSecond),
        bar: atLeast(5000, batchedPerSecond, '/s'),
      },
      {
        what: 'the one and the other / echo',
        value: [
          over(({ echo, cutover }) => cutover.perSecond / echo.perSecond),
          over(({ echo, batched }) => batched.perSecond / echo.perSecond),
        ]
          .map((ratio) => ratio.toFixed(2))
          .join(', '),
      },
      { what: 'cutover, c=1', value: `${perSecond(one.perSecond)}, p50 ${ms(one.p50Ms)}` },
      {
        what: 'failed calls',
        value: failures.length === 0 ? '0' : `${failures.length} (${failures[0]})`,
        bar: atMost(0, failures.length),
      },
    ],
    data: { rounds, one },
  }
}

async function measure(load: ChildProcess, command: GrpcLoadCommand): Promise<GrpcLoadResult> {
  const result = nextMessage<GrpcLoadResult>(load, 'result', command.seconds * 1000 + 30_000)
  load.send(command)
  return result
}

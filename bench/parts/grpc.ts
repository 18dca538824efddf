import type { ChildProcess } from 'node:child_process'

import type {
  EchoMessage,
  GrpcLoadCommand,
  GrpcLoadMessage,
  GrpcLoadResult,
} from '../grpc/protocol.ts'
import { atLeast, atMost, type Bench, ms, type PartReport, perSecond } from '../lib/bench.ts'
import { forkOwned, nextMessage, stop } from '../lib/child.ts'
import { CutoverServer, freePort, saysReady } from '../lib/cutover-server.ts'
import { TINY_MODEL } from '../lib/registry.ts'
import { median } from '../lib/statistics.ts'

const FULL_LOAD = 32
const WARMUP_SECONDS = 2
const START_TIMEOUT_MS = 30_000
const STOP_GRACE_MS = 1000

interface Round {
  readonly echo: GrpcLoadResult
  readonly cutover: GrpcLoadResult
}

/** Small tensors over gRPC, in turns with a gRPC server that does nothing. */
export async function grpc({ options, workDir, progress }: Bench): Promise<PartReport> {
  const load = forkOwned(new URL('../grpc/load.ts', import.meta.url))
  const echo = forkOwned(new URL('../grpc/echo.ts', import.meta.url))
  const [{ port }] = await Promise.all([
    nextMessage<EchoMessage>(echo, 'listening', START_TIMEOUT_MS),
    nextMessage<GrpcLoadMessage>(load, 'ready', START_TIMEOUT_MS),
  ])
  const grpcPort = await freePort()
  const server = await CutoverServer.start(
    { ...options, registry: TINY_MODEL, workDir, env: { CUTOVER_GRPC_PORT: String(grpcPort) } },
    saysReady,
  )
  const run = (at: number, calls: number, seconds: number): Promise<GrpcLoadResult> =>
    measure(load, { kind: 'measure', address: `127.0.0.1:${at}`, calls, seconds })
  try {
    for (const at of [port, grpcPort]) await run(at, FULL_LOAD, WARMUP_SECONDS)
    const rounds: Round[] = []
    for (let round = 1; round <= options.rounds; round++) {
      progress(`gRPC, round ${round} of ${options.rounds}`)
      rounds.push({
        echo: await run(port, FULL_LOAD, options.seconds),
        cutover: await run(grpcPort, FULL_LOAD, options.seconds),
      })
    }
    return report(rounds, await run(grpcPort, 1, options.seconds))
  } finally {
    await server.stop()
    await Promise.all([load, echo].map((child) => stop(child, STOP_GRACE_MS)))
  }
}

function report(rounds: readonly Round[], one: GrpcLoadResult): PartReport {
  const over = (pick: (round: Round) => number): number => median(rounds.map(pick))
  const failures = [one, ...rounds.map(({ cutover }) => cutover)].flatMap((run) => run.failures)
  const cutoverPerSecond = over(({ cutover }) => cutover.perSecond)
  return {
    title: 'gRPC: FP32 [1, 4] of a tiny model, one connection; medians over the rounds',
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
        what: 'cutover / echo',
        value: over(({ echo, cutover }) => cutover.perSecond / echo.perSecond).toFixed(2),
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

import type { ChildProcess } from 'node:child_process'
import path from 'node:path'

import { findH2load } from '../grpc/h2load.ts'
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
const ANSWERED = 'cutover_requests_total'

/** Calls a second. */
interface Round {
  readonly echo: number
  readonly cutover: number
  /** The same where requests share runs. */
  readonly batched: number
}

/** Small tensors over gRPC, in turns with a gRPC server that does nothing. */
export async function grpc({ options, workDir, progress }: Bench): Promise<PartReport> {
  const load = forkOwned(new URL('../grpc/load.ts', import.meta.url), { cores: CORES })
  const echo = forkOwned(new URL('../grpc/echo.ts', import.meta.url), { cores: CORES })
  const [{ port }, h2load] = await Promise.all([
    nextMessage<EchoMessage>(echo, 'listening', START_TIMEOUT_MS),
    findH2load(workDir, CORES),
    nextMessage<GrpcLoadMessage>(load, 'ready', START_TIMEOUT_MS),
  ])
  const plain = await serve(workDir, 'grpc')
  const batched = await serve(workDir, 'grpc-batched', FULL_LOAD)
  const servers = [plain.server, batched.server]
  let failed = 0
  const run = async (at: number, seconds: number): Promise<number> => {
    if (h2load !== undefined) {
      const measured = await h2load.measure(at, FULL_LOAD, seconds)
      failed += measured.failed
      return measured.perSecond
    }
    const measured = await measure(load, at, FULL_LOAD, seconds)
    failed += measured.failures.length
    return measured.perSecond
  }
  try {
    for (const at of [port, plain.port, batched.port]) await run(at, WARMUP_SECONDS)
    const rounds: Round[] = []
    for (let round = 1; round <= options.rounds; round++) {
      progress(`gRPC, round ${round} of ${options.rounds}`)
      rounds.push({
        echo: await run(port, options.seconds),
        cutover: await run(plain.port, options.seconds),
        batched: await run(batched.port, options.seconds),
      })
    }
    const one = await measure(load, plain.port, 1, options.seconds)
    failed += one.failures.length
    for (const server of servers) failed += await refused(server)
    return report(h2load === undefined ? 'a client in Node.js' : 'h2load', rounds, one, failed)
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
    await Promise.all([load, echo].map((child) => stop(child, STOP_GRACE_MS)))
  }
}

interface Served {
  readonly server: CutoverServer
  readonly port: number
}

async function serve(workDir: string, name: string, sizeMax?: number): Promise<Served> {
  const port = await freePort()
  const dir = path.join(workDir, name)
  const batching = sizeMax === undefined ? undefined : { sizeMax }
  const server = await CutoverServer.start(
    {
      registry: tinyRegistry(path.join(dir, 'models'), batching),
      engines: ENGINES,
      workDir: dir,
      env: { CUTOVER_GRPC_PORT: String(port) },
      cores: CORES,
    },
    saysReady,
  )
  return { server, port }
}

/** Calls that ended otherwise than well, but for those that the generator hung up on at its end. */
async function refused(server: CutoverServer): Promise<number> {
  const [all, ok, aborted] = await Promise.all([
    server.metric(ANSWERED),
    server.metric(ANSWERED, 'outcome="ok"'),
    server.metric(ANSWERED, 'outcome="REQUEST_ABORTED"'),
  ])
  return all - ok - aborted
}

function report(
  generator: string,
  rounds: readonly Round[],
  one: GrpcLoadResult,
  failed: number,
): PartReport {
  const over = (pick: (round: Round) => number): number => median(rounds.map(pick))
  const [cutover, batched] = [over((round) => round.cutover), over((round) => round.batched)]
  const ratios = [
    over((round) => round.cutover / round.echo),
    over((round) => round.batched / round.echo),
  ].map((ratio) => ratio.toFixed(2))
  return {
    title: `gRPC: FP32 [1, 4] of a tiny model on two cores, one connection, ${generator}; medians`,
    rows: [
      { what: `echo, c=${FULL_LOAD}`, value: perSecond(over(({ echo }) => echo)) },
      {
        what: `cutover, c=${FULL_LOAD}`,
        value: perSecond(cutover),
        bar: atLeast(5000, cutover, '/s'),
      },
      {
        what: `cutover, c=${FULL_LOAD}, requests share runs`,
        value: perSecond(batched),
        bar: atLeast(5000, batched, '/s'),
      },
      { what: 'the one and the other / echo', value: ratios.join(', ') },
      {
        what: 'cutover, c=1, a client in Node.js',
        value: `${perSecond(one.perSecond)}, p50 ${ms(one.p50Ms)}`,
      },
      { what: 'failed calls', value: String(failed), bar: atMost(0, failed) },
    ],
    data: { generator, rounds, one },
  }
}

async function measure(
  load: ChildProcess,
  port: number,
  calls: number,
  seconds: number,
): Promise<GrpcLoadResult> {
  const result = nextMessage<GrpcLoadResult>(load, 'result', seconds * 1000 + 30_000)
  const command: GrpcLoadCommand = {
    kind: 'measure',
    address: `127.0.0.1:${port}`,
    calls,
    seconds,
  }
  load.send(command)
  return result
}

import {
  atLeast,
  atMost,
  type Bench,
  failureCount,
  failuresText,
  mb,
  ms,
  type PartReport,
  perSecond,
} from '../lib/bench.ts'
import { CutoverServer } from '../lib/cutover-server.ts'
import { treePssBytes } from '../lib/process-tree.ts'
import { Registry } from '../lib/registry.ts'
import { median } from '../lib/statistics.ts'
import type { LoadRecord } from '../load/load-generator.ts'
import { RawLimit } from '../raw/raw-limit.ts'

const FULL_LOAD = 32
const CONNECTIONS = [FULL_LOAD, 8, 1] as const
const LOOP_DELAY = 'cutover_event_loop_delay_p99_seconds'

interface Round {
  readonly rawPerSecond: number
  readonly rawOneImageMs: number
  readonly load: Readonly<Record<(typeof CONNECTIONS)[number], LoadRecord>>
  readonly eventLoopDelayMs: number
}

/**
 * The server against the raw limit. The two take turns, and each round is compared with the raw
 * limit of the same minute, because a machine's speed drifts.
 */
export async function http(bench: Bench): Promise<PartReport> {
  const { options, workDir } = bench
  const limit = await RawLimit.start(options.engines)
  const registry = new Registry(`${workDir}/http`)
  const server = await CutoverServer.start({ ...options, registry: registry.dir, workDir })
  const rounds: Round[] = []
  try {
    await bench.load.run({ port: server.port, connections: FULL_LOAD, seconds: 2 })
    for (let round = 1; round <= options.rounds; round++) {
      bench.progress(`HTTP against the raw limit, round ${round} of ${options.rounds}`)
      rounds.push(await measure(bench, limit, server))
    }
    return report(rounds, treePssBytes(server.pid), options.engines)
  } finally {
    await server.stop()
    await limit.stop()
  }
}

async function measure(
  { load, options: { seconds } }: Bench,
  limit: RawLimit,
  server: CutoverServer,
): Promise<Round> {
  const { port } = server
  const rawBefore = await limit.imagesPerSecond(seconds)
  // Reading the metric starts it afresh.
  await server.metric(LOOP_DELAY)
  const full = await load.run({ port, connections: FULL_LOAD, seconds })
  const eventLoopDelayMs = (await server.metric(LOOP_DELAY)) * 1000
  const rawAfter = await limit.imagesPerSecond(seconds)
  const few = await load.run({ port, connections: 8, seconds })
  const rawOneImageMs = await limit.oneImageMs(seconds)
  const one = await load.run({ port, connections: 1, seconds })
  return {
    rawPerSecond: (rawBefore + rawAfter) / 2,
    rawOneImageMs,
    load: { 32: full, 8: few, 1: one },
    eventLoopDelayMs,
  }
}

function report(rounds: readonly Round[], pssBytes: number, engines: number): PartReport {
  const over = (pick: (round: Round) => number): number => median(rounds.map(pick))
  const throughput = over(({ load, rawPerSecond }) => load[FULL_LOAD].perSecond / rawPerSecond)
  const alone = over(({ load, rawOneImageMs }) => load[1].percentileMs(0.5) / rawOneImageMs)
  const delayMs = over(({ eventLoopDelayMs }) => eventLoopDelayMs)
  const records = rounds.flatMap(({ load }) => Object.values(load))
  return {
    title: 'HTTP against the raw limit, alternated; medians over the rounds',
    rows: [
      { what: 'raw limit', value: perSecond(over(({ rawPerSecond }) => rawPerSecond)) },
      { what: 'raw, one image', value: ms(over(({ rawOneImageMs }) => rawOneImageMs)) },
      ...CONNECTIONS.map((connections) => ({
        what: `c=${connections}`,
        value:
          `${perSecond(over(({ load }) => load[connections].perSecond))}, ` +
          `p50 ${ms(over(({ load }) => load[connections].percentileMs(0.5)))}, ` +
          `p99 ${ms(over(({ load }) => load[connections].percentileMs(0.99)))}`,
      })),
      {
        what: `c=${FULL_LOAD} throughput / raw limit`,
        value: throughput.toFixed(3),
        bar: atLeast(0.9, throughput),
      },
      { what: 'c=1 p50 / raw, one image', value: alone.toFixed(3), bar: atMost(0.8, alone) },
      {
        what: `event-loop delay p99 at c=${FULL_LOAD}`,
        value: ms(delayMs),
        bar: atMost(10, delayMs, ' ms'),
      },
      {
        what: 'failed requests',
        value: failuresText(records),
        bar: atMost(0, failureCount(records)),
      },
      { what: `PSS of the server and ${engines} engines after it`, value: mb(pssBytes) },
    ],
    data: {
      pssBytes,
      rounds: rounds.map(({ load, ...round }) => ({
        ...round,
        load: Object.entries(load).map(([connections, record]) => ({
          connections: Number(connections),
          perSecond: record.perSecond,
          p50Ms: record.percentileMs(0.5),
          p99Ms: record.percentileMs(0.99),
          failures: record.failures.length,
          loadCpuMicrosecondsPerRequest: record.cpuMicrosecondsPerRequest,
        })),
      })),
    },
  }
}

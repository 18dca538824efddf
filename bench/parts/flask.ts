import {
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
import { FlaskService } from '../flask/service.ts'
import { setUpFlask } from '../flask/setup.ts'
import { treePssBytes } from '../lib/process-tree.ts'
import { Registry } from '../lib/registry.ts'
import { median } from '../lib/statistics.ts'
import type { LoadRecord } from '../load/load-generator.ts'

const CONNECTIONS = [1, 8, 32] as const

interface Pair {
  readonly connections: number
  readonly flask: LoadRecord
  readonly cutover: LoadRecord
}

/** The service that cutover replaces, beside it: the same photo, network, geometry and cores. */
export async function flask(bench: Bench): Promise<PartReport> {
  const { options, workDir } = bench
  const setup = await setUpFlask(options.flaskModel, bench.progress)
  const registry = new Registry(`${workDir}/flask`)
  const cutover = await CutoverServer.start({ ...options, registry: registry.dir, workDir })
  try {
    const service = await FlaskService.start(setup, workDir)
    try {
      await bench.load.run({ port: service.port, connections: 32, seconds: options.seconds })
      const pairs = await compare(bench, service.port, cutover.port)
      return report(pairs, treePssBytes(service.pid), treePssBytes(cutover.pid))
    } finally {
      await service.stop()
    }
  } finally {
    await cutover.stop()
  }
}

async function compare(
  { load, options: { rounds, seconds }, progress }: Bench,
  flaskPort: number,
  cutoverPort: number,
): Promise<Pair[]> {
  const pairs: Pair[] = []
  for (let round = 1; round <= rounds; round++) {
    progress(`the Flask service and cutover, round ${round} of ${rounds}`)
    for (const connections of CONNECTIONS) {
      pairs.push({
        connections,
        flask: await load.run({ port: flaskPort, connections, seconds }),
        cutover: await load.run({ port: cutoverPort, connections, seconds }),
      })
    }
  }
  return pairs
}

function report(pairs: readonly Pair[], flaskPss: number, cutoverPss: number): PartReport {
  const records = pairs.flatMap(({ flask, cutover }) => [flask, cutover])
  return {
    title: 'The Flask service (gunicorn, 2 workers) → cutover; medians over the rounds',
    rows: [
      ...CONNECTIONS.map((connections) => {
        const rounds = pairs.filter((pair) => pair.connections === connections)
        const over = (pick: (pair: Pair) => number): number => median(rounds.map(pick))
        const times = over(({ flask, cutover }) => cutover.perSecond / flask.perSecond)
        return {
          what: `c=${connections}`,
          value:
            `${perSecond(over(({ flask }) => flask.perSecond))} → ` +
            `${perSecond(over(({ cutover }) => cutover.perSecond))} (${times.toFixed(1)} ×), ` +
            `p50 ${ms(over(({ flask }) => flask.percentileMs(0.5)))} → ` +
            `${ms(over(({ cutover }) => cutover.percentileMs(0.5)))}, ` +
            `p99 ${ms(over(({ flask }) => flask.percentileMs(0.99)))} → ` +
            ms(over(({ cutover }) => cutover.percentileMs(0.99))),
        }
      }),
      { what: 'PSS', value: `${mb(flaskPss)} → ${mb(cutoverPss)}` },
      {
        what: 'failed requests',
        value: failuresText(records),
        bar: atMost(0, failureCount(records)),
      },
    ],
    data: {
      flaskPss,
      cutoverPss,
      rounds: pairs.map(({ connections, flask, cutover }) => ({
        connections,
        flask: summary(flask),
        cutover: summary(cutover),
      })),
    },
  }
}

function summary(record: LoadRecord): Record<string, number> {
  return {
    perSecond: record.perSecond,
    p50Ms: record.percentileMs(0.5),
    p99Ms: record.percentileMs(0.99),
    failures: record.failures.length,
  }
}

import { setTimeout as sleep } from 'node:timers/promises'

import {
  atMost,
  type Bench,
  failureCount,
  failuresText,
  ms,
  type PartReport,
  perSecond,
} from '../lib/bench.ts'
import { CutoverServer } from '../lib/cutover-server.ts'
import { Registry } from '../lib/registry.ts'

const CONNECTIONS = 16
/** Between two kills: often enough that they meet engines that start, seldom enough to serve. */
const GAP_MS_MAX = 2000
const LOAD_SECONDS_MAX = 600

/** Engine processes ended at random moments under load: no client may notice. */
export async function kill(bench: Bench): Promise<PartReport> {
  const { options, workDir } = bench
  const registry = new Registry(`${workDir}/kill`)
  const server = await CutoverServer.start({ ...options, registry: registry.dir, workDir })
  const plan = { port: server.port, connections: CONNECTIONS, seconds: LOAD_SECONDS_MAX }
  const run = bench.load.begin(plan)
  try {
    await sleep(2000)
    let killed = 0
    while (killed < options.kills) {
      await sleep(Math.random() * GAP_MS_MAX)
      const pids = server.enginePids()
      const pid = pids[Math.floor(Math.random() * pids.length)]
      if (pid === undefined) continue
      process.kill(pid, 'SIGKILL')
      killed++
      bench.progress(`kill ${killed} of ${options.kills}`)
    }
    await sleep(2000)
    run.stop()
    const record = await run.finished
    const restarts = await server.metric('cutover_engine_restarts_total')
    const retries = await server.metric('cutover_request_retries_total')
    const poison = await server.metric('cutover_poison_requests_total')
    return {
      title: `${killed} engine processes killed at c=${CONNECTIONS}`,
      rows: [
        { what: 'requests', value: `${record.requests}, ${perSecond(record.perSecond)}` },
        {
          what: 'failed requests',
          value: failuresText([record]),
          bar: atMost(0, failureCount([record])),
        },
        { what: 'p99', value: ms(record.percentileMs(0.99)) },
        { what: 'restarts, retries, poison', value: `${restarts}, ${retries}, ${poison}` },
      ],
      data: { killed, restarts, retries, poison, failures: record.failures },
    }
  } finally {
    run.stop()
    await server.stop()
  }
}

import { setTimeout as sleep } from 'node:timers/promises'

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
import { treePssBytes } from '../lib/process-tree.ts'
import { Registry } from '../lib/registry.ts'
import { median, wallClockMs } from '../lib/statistics.ts'
import type { LoadRecord } from '../load/load-generator.ts'

const CONNECTIONS = 32
const SWAP_TIMEOUT_MS = 120_000
const LOAD_SECONDS_MAX = 1200

/** From the manifest's commit until the old version's engines are gone. */
interface Swap {
  readonly committedAtMs: number
  readonly firstAnswerAtMs: number
  readonly endedAtMs: number
  readonly pssBytes: number
}

/** New versions published one after the other while every engine is busy. */
export async function swap(bench: Bench): Promise<PartReport> {
  const { options, workDir } = bench
  const registry = new Registry(`${workDir}/swap`)
  const server = await CutoverServer.start({ ...options, registry: registry.dir, workDir })
  const firstAnswers = new Map<string, number>()
  const swaps: Swap[] = []
  let left: number[] = []
  let pids: number[] = []
  const run = bench.load.begin(
    { port: server.port, connections: CONNECTIONS, seconds: LOAD_SECONDS_MAX },
    ({ version, atMs }) => firstAnswers.set(version, atMs),
  )
  try {
    await sleep(options.seconds * 1000)
    for (let version = 2; version <= options.swaps + 1; version++) {
      bench.progress(`swap ${version - 1} of ${options.swaps} under load`)
      const old = server.enginePids()
      await registry.publish(version)
      const committedAtMs = wallClockMs()
      const answers = (): boolean => firstAnswers.has(String(version))
      await server.waitFor(answers, `version ${version} does not answer`, SWAP_TIMEOUT_MS)
      const oldGone = (): boolean => !server.enginePids().some((pid) => old.includes(pid))
      await server.waitFor(oldGone, 'the old engines are still there', SWAP_TIMEOUT_MS)
      const endedAtMs = wallClockMs()
      await sleep(options.seconds * 500)
      swaps.push({
        committedAtMs,
        firstAnswerAtMs: firstAnswers.get(String(version)) ?? Number.NaN,
        endedAtMs,
        pssBytes: treePssBytes(server.pid),
      })
    }
    run.stop()
    const record = await run.finished
    pids = server.enginePids()
    left = await server.stop()
    return report(swaps, record, pids.length - options.engines + left.length)
  } finally {
    run.stop()
    await server.stop()
  }
}

function report(swaps: readonly Swap[], record: LoadRecord, processesLeft: number): PartReport {
  const isDuring = (at: number): boolean =>
    swaps.some(({ committedAtMs, endedAtMs }) => at >= committedAtMs && at <= endedAtMs)
  const duringMs = record.percentileMs(0.99, isDuring)
  const steadyMs = record.percentileMs(0.99, (at) => !isDuring(at))
  const answersAfterMs = swaps.map((swap) => swap.firstAnswerAtMs - swap.committedAtMs)
  const tookMs = swaps.map((swap) => swap.endedAtMs - swap.committedAtMs)
  const [firstPss = 0, lastPss = 0] = [swaps[0]?.pssBytes, swaps.at(-1)?.pssBytes]
  const failed = failureCount([record])
  return {
    title: `${swaps.length} swaps at c=${CONNECTIONS}`,
    rows: [
      { what: 'requests', value: `${record.requests}, ${perSecond(record.perSecond)}` },
      { what: 'failed requests', value: failuresText([record]), bar: atMost(0, failed) },
      { what: 'p99 steady', value: ms(steadyMs) },
      {
        what: 'p99 during swaps',
        value: `${ms(duringMs)}, ${(duringMs / steadyMs).toFixed(2)} × steady`,
        bar: atMost(1.5, duringMs / steadyMs, ' × steady'),
      },
      { what: 'commit → first answer, median', value: ms(median(answersAfterMs)) },
      { what: 'commit → old engines gone, median', value: ms(median(tookMs)) },
      { what: 'PSS after the first swap', value: mb(firstPss) },
      { what: `PSS after swap ${swaps.length}`, value: mb(lastPss) },
      {
        what: 'processes left behind',
        value: String(processesLeft),
        bar: atMost(0, processesLeft),
      },
    ],
    data: { swaps, duringMs, steadyMs, failures: record.failures, requests: record.requests },
  }
}

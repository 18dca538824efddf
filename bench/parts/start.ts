import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { atMost, type Bench, ms, type PartReport, type Row } from '../lib/bench.ts'
import { spawnOwned, stop, until } from '../lib/child.ts'
import {
  CutoverServer,
  freePort,
  isReady,
  saysReady,
  serverEnvironment,
} from '../lib/cutover-server.ts'
import { LiveProbe } from '../lib/live-probe.ts'
import { REPOSITORY } from '../lib/options.ts'
import { PHOTO } from '../lib/photo.ts'
import { isRunning, processTree } from '../lib/process-tree.ts'
import { Registry } from '../lib/registry.ts'
import { median, percentile } from '../lib/statistics.ts'

const LIVE_MS_MAX = 50
const HANG_MODEL = fileURLToPath(new URL('../hang/model.onnx', import.meta.url))
const HANG_MS = 3000

/** How soon a server answers, and whether it stays alive to a prober while engines do not. */
export async function start(bench: Bench): Promise<PartReport> {
  const startMs: number[] = []
  for (let run = 1; run <= bench.options.starts; run++) {
    bench.progress(`npm start, ${run} of ${bench.options.starts}`)
    startMs.push(await timeToFirstAnswer(bench))
  }
  const loading = await liveWhileLoading(bench)
  const hanging = await liveWhileHanging(bench)
  return {
    title: 'Start and liveness',
    rows: [
      { what: 'npm start → first right answer, median', value: ms(median(startMs)) },
      liveRow('/healthz/live while versions load', loading),
      liveRow('/healthz/live while an engine hangs', hanging),
    ],
    data: { startMs, liveMaxMs: { loading: Math.max(...loading), hanging: Math.max(...hanging) } },
  }
}

function liveRow(what: string, latenciesMs: readonly number[]): Row {
  const max = Math.max(...latenciesMs)
  return {
    what,
    value: `max ${ms(max)}, p99 ${ms(percentile(latenciesMs, 0.99))}`,
    bar: atMost(LIVE_MS_MAX, max, ' ms'),
  }
}

async function timeToFirstAnswer({ workDir }: Bench): Promise<number> {
  const registry = new Registry(path.join(workDir, 'start'))
  const port = await freePort()
  const logFile = path.join(workDir, 'npm-start.log')
  const startedAt = performance.now()
  const child = spawnOwned('npm', ['start', '--', registry.dir, '--port', String(port)], {
    cwd: REPOSITORY,
    env: serverEnvironment(workDir),
    logFile,
  })
  try {
    await until(() => isReady(port), 'npm start', { child, logFile, timeoutMs: 120_000 })
    return performance.now() - startedAt
  } finally {
    // npm and its shell are in between, and not every shell passes a signal on.
    const tree = processTree(child.pid ?? -1)
    for (const pid of tree) if (isRunning(pid)) process.kill(pid, 'SIGTERM')
    await stop(child, 10_000)
    await sleep(500)
    for (const pid of tree) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
  }
}

async function liveWhileLoading({ options, workDir, progress }: Bench): Promise<number[]> {
  progress('/healthz/live while versions load')
  const registry = new Registry(path.join(workDir, 'loading'))
  const server = await CutoverServer.start({ ...options, registry: registry.dir, workDir })
  try {
    const probe = new LiveProbe(server.port)
    for (let version = 2; version <= options.starts + 1; version++) {
      const old = server.enginePids()
      await registry.publish(version)
      const oldGone = (): boolean => !server.enginePids().some((pid) => old.includes(pid))
      await server.waitFor(oldGone, `version ${version} did not replace the old one`, 60_000)
    }
    return await probe.stop()
  } finally {
    await server.stop()
  }
}

/** The hanging model is fine with the zeros of the warm-up and never returns from a photo. */
async function liveWhileHanging({ workDir, progress }: Bench): Promise<number[]> {
  progress('/healthz/live while an engine hangs')
  const registry = new Registry(path.join(workDir, 'hanging'), HANG_MODEL, {})
  const server = await CutoverServer.start(
    { registry: registry.dir, engines: 1, workDir },
    saysReady,
  )
  const gone = new AbortController()
  try {
    const request = fetch(`http://127.0.0.1:${server.port}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: PHOTO,
      signal: gone.signal,
    })
    const answered = request.then(
      ({ status }) => `the hanging model was answered with ${status}`,
      () => undefined,
    )
    const probe = new LiveProbe(server.port)
    const early = await Promise.race([answered, sleep(HANG_MS)])
    const latenciesMs = await probe.stop()
    if (early !== undefined) throw new Error(early)
    return latenciesMs
  } finally {
    gone.abort()
    await server.stop()
  }
}

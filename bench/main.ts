import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { messageOf } from '../src/domain/errors.ts'
import type { Bench, PartReport } from './lib/bench.ts'
import { HELP, type Options, type PartName, readOptions } from './lib/options.ts'
import { describeMachine, formatReports } from './lib/print.ts'
import { LoadGenerator } from './load/load-generator.ts'
import { flask } from './parts/flask.ts'
import { grpc } from './parts/grpc.ts'
import { http } from './parts/http.ts'
import { kill } from './parts/kill.ts'
import { memory } from './parts/memory.ts'
import { s3 } from './parts/s3.ts'
import { raw } from './parts/raw.ts'
import { start } from './parts/start.ts'
import { swap } from './parts/swap.ts'
import { tensor } from './parts/tensor.ts'
import { tiny } from './parts/tiny.ts'

/** `npm run bench`: measures what the project promises, on this machine, from the outside. */
const PARTS: Readonly<Record<PartName, (bench: Bench) => Promise<PartReport>>> = {
  raw,
  http,
  tiny,
  tensor,
  grpc,
  swap,
  kill,
  start,
  memory,
  s3,
  flask,
}

const MINUTES_MAX = 45

async function measure(options: Options): Promise<void> {
  const machine = describeMachine()
  const workDir = mkdtempSync(path.join(tmpdir(), 'cutover-bench-'))
  process.on('exit', () => rmSync(workDir, { recursive: true, force: true }))
  const load = await LoadGenerator.start()
  const startedAt = performance.now()
  const progress = (what: string): void => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
    process.stderr.write(`${seconds.padStart(5)} s  ${what}\n`)
  }
  const reports: Partial<Record<PartName, PartReport>> = {}
  const failed: string[] = []
  for (const name of options.parts) {
    try {
      reports[name] = await PARTS[name]({ options, workDir, load, progress })
    } catch (error) {
      failed.push(`${name} could not be measured: ${messageOf(error)}`)
      progress(`${name} could not be measured`)
    }
  }
  await load.stop()

  mkdirSync(path.dirname(options.json), { recursive: true })
  const written = { date: new Date().toISOString(), machine, options, reports, failed }
  writeFileSync(options.json, JSON.stringify(written, undefined, 2))
  const { cpu, cores, node, loadAverageBefore } = machine
  process.stdout.write(
    `\n${cpu}, ${cores} cores, Node.js ${node}, load average before ${loadAverageBefore}\n\n${formatReports(Object.values(reports))}\n\n` +
      `${failed.map((sentence) => `${sentence}\n`).join('')}numbers: ${options.json}\n`,
  )
  process.exit(failed.length === 0 ? 0 : 1)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
setTimeout(() => {
  process.stderr.write(`the benchmark did not finish in ${MINUTES_MAX} minutes\n`)
  process.exit(1)
}, MINUTES_MAX * 60_000).unref()

try {
  const options = readOptions(process.argv.slice(2), new Date())
  if (options === 'help') process.stdout.write(`${HELP}\n`)
  else await measure(options)
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exit(1)
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { messageOf } from '../src/domain/errors.ts'
import type { PartReport } from './lib/bench.ts'
import { REPOSITORY } from './lib/options.ts'
import { describeMachine, formatReports } from './lib/print.ts'
import { manyModels } from './rollouts/many-models.ts'
import { routing } from './rollouts/routing.ts'
import { sameModel } from './rollouts/same-model.ts'

/** Measures what the project promises of rollouts; see HELP. Needs a build. */
const HELP = `node --import tsx bench/rollouts.ts [options]
  --only a,b         parts to run: routing, same, many (default: all)
  --rollouts N       rollouts of the same model: about 8 seconds each (default: 100)
  --models N         models with a rollout under way (default: 100)
  --seconds S        how long the CPU of an idle server is watched (default: 60)`

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'routing,same,many' },
    rollouts: { type: 'string', default: '100' },
    models: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '60' },
    help: { type: 'boolean', default: false },
  },
})

async function measure(): Promise<void> {
  const machine = describeMachine()
  const workDir = mkdtempSync(path.join(tmpdir(), 'cutover-bench-rollouts-'))
  process.on('exit', () => rmSync(workDir, { recursive: true, force: true }))
  const parts = new Set(values.only.split(','))
  const progress = (what: string): void => void process.stderr.write(`${what}\n`)
  const reports: PartReport[] = []
  if (parts.has('routing')) reports.push(routing())
  if (parts.has('same')) {
    reports.push(await sameModel({ workDir, rollouts: Number(values.rollouts) }, progress))
  }
  if (parts.has('many')) {
    const [models, seconds] = [Number(values.models), Number(values.seconds)]
    reports.push(await manyModels({ workDir, models, seconds }, progress))
  }
  const json = path.join(REPOSITORY, 'bench', 'results', 'rollouts.json')
  mkdirSync(path.dirname(json), { recursive: true })
  writeFileSync(json, JSON.stringify({ machine, reports }, undefined, 2))
  process.stdout.write(`${formatReports(reports)}\n\nnumbers: ${json}\n`)
}

try {
  if (values.help) process.stdout.write(`${HELP}\n`)
  else await measure()
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exit(1)
}
process.exit(0)

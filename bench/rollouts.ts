import { parseArgs } from 'node:util'

import type { PartReport } from './lib/bench.ts'
import { runScript } from './lib/script.ts'
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

if (values.help) {
  process.stdout.write(`${HELP}\n`)
  process.exit(0)
}

await runScript('rollouts', async ({ workDir, progress }) => {
  const parts = new Set(values.only.split(','))
  const reports: PartReport[] = []
  if (parts.has('routing')) reports.push(routing())
  if (parts.has('same')) {
    reports.push(await sameModel({ workDir, rollouts: Number(values.rollouts) }, progress))
  }
  if (parts.has('many')) {
    const [models, seconds] = [Number(values.models), Number(values.seconds)]
    reports.push(await manyModels({ workDir, models, seconds }, progress))
  }
  return reports
})

import { parseArgs } from 'node:util'

import { compile } from './keras/compile.ts'
import { latency } from './keras/latency.ts'
import { serve } from './keras/serve.ts'
import type { PartReport } from './lib/bench.ts'
import { runScript } from './lib/script.ts'

/** Measures what the project promises of Keras files; see HELP. Needs a build. */
const HELP = `node --import tsx bench/keras.ts [options]
  --families FOLDER  what scripts/keras-oracle/families.py --onnx wrote: latency and compile
  --only a,b         parts to run: latency, compile, serve (default: all)
  --flask-model FILE a Keras HDF5 file to serve instead of the rebuilt one
  --photos FOLDER    JPEGs whose classes are compared
  --rounds N         measurements of each kind (default: 5; latency: 10 times as many)
  --seconds S        length of one measured phase of load (default: 5)`

const { values } = parseArgs({
  options: {
    families: { type: 'string' },
    only: { type: 'string', default: 'latency,compile,serve' },
    'flask-model': { type: 'string' },
    photos: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
  },
})

const LATENCY_ROUNDS = 10

if (values.help) {
  process.stdout.write(`${HELP}\n`)
  process.exit(0)
}

await runScript('keras', async ({ workDir, progress }) => {
  const rounds = Number(values.rounds)
  const parts = new Set(values.only.split(','))
  const reports: PartReport[] = []
  if (parts.has('latency') && values.families !== undefined) {
    const options = { workDir, rounds: rounds * LATENCY_ROUNDS }
    reports.push(await latency(values.families, options, progress))
  }
  if (parts.has('compile') && values.families !== undefined) {
    reports.push(await compile(values.families, { workDir, rounds }, progress))
  }
  if (parts.has('serve')) {
    const { 'flask-model': flaskModel, photos } = values
    const seconds = Number(values.seconds)
    reports.push(await serve({ flaskModel, photos, workDir, rounds, seconds }, progress))
  }
  return reports
})

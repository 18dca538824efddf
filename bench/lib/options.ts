import { availableParallelism } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const PART_NAMES = [
  'raw',
  'http',
  'tiny',
  'tensor',
  'grpc',
  'swap',
  'kill',
  'start',
  'memory',
  's3',
  'flask',
] as const
export type PartName = (typeof PART_NAMES)[number]

export const REPOSITORY = path.resolve(fileURLToPath(new URL('../..', import.meta.url)))

export const HELP = `npm run bench -- [options]
  --quick            fewer and shorter rounds: a check that it runs, not a measurement
  --only a,b         parts to run: ${PART_NAMES.join(', ')} (default: all)
  --engines N        engine processes and raw-limit processes (default: CPU cores)
  --seconds S        length of one measured phase
  --flask-model FILE a Keras HDF5 file for the Flask service instead of the rebuilt one
  --json FILE        where the numbers go (default: bench/results/<date>.json)`

export interface Options {
  readonly parts: readonly PartName[]
  readonly engines: number
  readonly seconds: number
  readonly rounds: number
  readonly swaps: number
  readonly kills: number
  readonly publishes: number
  readonly pullBytes: number
  readonly starts: number
  readonly flaskModel: string | undefined
  readonly json: string
}

/** Throws a TypeError with a sentence when an option is unknown or its value is not usable. */
export function readOptions(args: readonly string[], now: Date): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      engines: { type: 'string' },
      seconds: { type: 'string' },
      'flask-model': { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const date = now.toISOString().slice(0, 19).replaceAll(':', '-')
  return {
    parts: values.only === undefined ? PART_NAMES : values.only.split(',').map(partName),
    engines: positive('--engines', values.engines, availableParallelism()),
    seconds: positive('--seconds', values.seconds, values.quick ? 1.5 : 5),
    ...(values.quick
      ? { rounds: 2, swaps: 3, kills: 6, starts: 1, publishes: 5, pullBytes: 100e6 }
      : { rounds: 5, swaps: 20, kills: 50, starts: 3, publishes: 50, pullBytes: 1e9 }),
    flaskModel: values['flask-model'],
    json: path.resolve(values.json ?? path.join(REPOSITORY, 'bench', 'results', `${date}.json`)),
  }
}

function partName(name: string): PartName {
  const part = PART_NAMES.find((known) => known === name)
  if (part === undefined) {
    throw new TypeError(`--only: there is no part ${name}; there are ${PART_NAMES.join(', ')}`)
  }
  return part
}

function positive(flag: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (!(value > 0)) throw new TypeError(`${flag}: ${text} is not a number above 0`)
  return value
}

import { readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

const SCENARIOS = fileURLToPath(new URL('scenarios', import.meta.url))

export const HELP = `npm run simulate -- [options]
Rolls out simulated versions with the real judge and nextStep, and shows the same traffic to the
rules of Flagger, Argo Rollouts and Kayenta.

  --scenario FILE   a scenario, or the name of a built-in one; may be repeated (default: all)
  --runs N          rollouts of each scenario (default: what the scenario says, 10000)
  --seed S          another seed, other draws (default: 1)
  --processes N     simulating at once (default: CPU cores)
  --json            print the numbers as JSON
  --svg DIR         write a plot of each scenario
  --list            name the built-in scenarios`

export interface Options {
  readonly files: readonly string[]
  readonly runs: number | undefined
  readonly seed: number
  readonly processes: number
  readonly json: boolean
  readonly svg: string | undefined
}

/** Throws a TypeError with a sentence when an option is unknown or its value is not usable. */
export function readOptions(args: readonly string[]): Options | 'help' | 'list' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: 'string', multiple: true, default: builtIn() },
      runs: { type: 'string' },
      seed: { type: 'string', default: '1' },
      processes: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'boolean', default: false },
      svg: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  if (values.list) return 'list'
  return {
    files: values.scenario.map(fileOf),
    runs: values.runs === undefined ? undefined : whole('--runs', values.runs),
    seed: whole('--seed', values.seed),
    processes: whole('--processes', values.processes),
    json: values.json,
    svg: values.svg,
  }
}

export function builtIn(): string[] {
  return readdirSync(SCENARIOS)
    .map((file) => path.basename(file, '.json'))
    .sort()
}

function fileOf(scenario: string): string {
  return builtIn().includes(scenario) ? path.join(SCENARIOS, `${scenario}.json`) : scenario
}

function whole(flag: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new TypeError(`${flag}: ${text} is not a positive whole number`)
  }
  return value
}

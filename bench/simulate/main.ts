import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { messageOf } from '../../src/domain/errors.ts'
import { Runners } from './runners.ts'
import { builtIn, HELP, type Options, readOptions } from './options.ts'
import { plotOf } from './plot.ts'
import { readScenario } from './scenario.ts'
import { type ScenarioSummary, summarise } from './summary.ts'
import { tableOf } from './table.ts'

const BAR_WIDTH = 30

/** `npm run simulate`: how often the judge is wrong, how fast it is right, and others beside it. */
async function simulate({ files, runs, seed, processes, json, svg }: Options): Promise<void> {
  const scenarios = files.map((file) => ({ file, scenario: readScenario(file) }))
  const runners = new Runners(processes)
  const summaries: ScenarioSummary[] = []
  for (const { file, scenario } of scenarios) {
    const count = runs ?? scenario.runs
    const results = await runners.simulate(file, seed, count, (done) =>
      showProgress(scenario.name, done / count),
    )
    const summary = summarise(scenario, seed, results)
    summaries.push(summary)
    if (svg !== undefined) {
      mkdirSync(svg, { recursive: true })
      writeFileSync(path.join(svg, `${scenario.name}.svg`), plotOf(summary))
    }
    if (!json) {
      process.stdout.write(
        `## ${scenario.name}\n\n${scenario.description} ${count} rollouts, seed ${seed}.\n\n${tableOf(summary)}\n\n`,
      )
    }
  }
  await runners.close()
  if (json) process.stdout.write(`${JSON.stringify(summaries.map(withoutDelays), undefined, 2)}\n`)
}

function withoutDelays({ rules, ...rest }: ScenarioSummary): object {
  return { ...rest, rules: rules.map((rule) => ({ ...rule, delays: undefined })) }
}

/** A line that is drawn over and over, on a terminal only. */
function showProgress(what: string, share: number): void {
  if (!process.stderr.isTTY) return
  const full = Math.round(share * BAR_WIDTH)
  const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full)
  const line = share < 1 ? `${bar} ${(100 * share).toFixed(0).padStart(3)} %  ${what}` : ''
  process.stderr.write(`\r\u001b[2K${line}`)
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options === 'help') process.stdout.write(`${HELP}\n`)
  else if (options === 'list') process.stdout.write(`${builtIn().join('\n')}\n`)
  else await simulate(options)
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exit(1)
}

import { type RunResult, simulateRun } from '../run.ts'
import { readScenario, type Scenario } from '../scenario.ts'
import type { Share, ShareResults } from './protocol.ts'

/** One of the processes that simulate: takes shares of runs until its parent ends it. */
const scenarios = new Map<string, Scenario>()

process.on('message', ({ file, seed, from, to }: Share) => {
  const scenario = scenarios.get(file) ?? readScenario(file)
  scenarios.set(file, scenario)
  const results: RunResult[] = []
  for (let index = from; index < to; index++) results.push(simulateRun(scenario, seed, index))
  process.send?.({ kind: 'results', results } satisfies ShareResults)
})
process.on('disconnect', () => process.exit())

import { median, percentile } from '../lib/statistics.ts'
import { clopperPearson } from './clopper-pearson.ts'
import { type Ending, RULES, type RuleName, type RunResult } from './run.ts'
import type { Scenario } from './scenario.ts'

/** How one rule did over all runs of a scenario. Shares are 0 to 1. */
export interface RuleSummary {
  readonly rule: RuleName
  readonly rolledBack: number
  /** Of `rolledBack`, 95 %, Clopper-Pearson. */
  readonly interval: readonly [number, number]
  readonly paused: number
  readonly promoted: number
  readonly held: number
  /** Canary requests before the rollback or pause, among runs with one. NaN without any. */
  readonly requestsMedian: number
  readonly requestsP90: number
  /** Mean number of requests to the candidate that failed, over all runs. */
  readonly lostMean: number
  /** How often each metric decided. */
  readonly metrics: Readonly<Record<string, number>>
  /** Canary requests at each decision, ascending: for the plot. */
  readonly delays: readonly number[]
}

export interface ScenarioSummary {
  readonly scenario: string
  readonly description: string
  readonly candidate: Scenario['candidate']
  readonly runs: number
  readonly seed: number
  readonly alpha: number
  readonly rules: readonly RuleSummary[]
}

export function summarise(
  { name, description, candidate, policy }: Scenario,
  seed: number,
  results: readonly RunResult[],
): ScenarioSummary {
  return {
    scenario: name,
    description,
    candidate,
    runs: results.length,
    seed,
    alpha: policy.judge.alpha,
    rules: RULES.map((rule) =>
      summaryOf(
        rule,
        results.map((result) => result[rule]),
      ),
    ),
  }
}

function summaryOf(rule: RuleName, endings: readonly Ending[]): RuleSummary {
  const share = (outcome: Ending['outcome']) =>
    endings.filter((ending) => ending.outcome === outcome).length / endings.length
  const rolledBack = endings.filter(({ outcome }) => outcome === 'rolledBack').length
  const stopped = endings.filter(({ outcome }) => outcome === 'rolledBack' || outcome === 'paused')
  const delays = stopped.map(({ canaryRequests }) => canaryRequests).sort((a, b) => a - b)
  const metrics: Record<string, number> = {}
  for (const { metric } of stopped) {
    if (metric !== undefined) metrics[metric] = (metrics[metric] ?? 0) + 1
  }
  return {
    rule,
    rolledBack: share('rolledBack'),
    interval: clopperPearson(rolledBack, endings.length),
    paused: share('paused'),
    promoted: share('promoted'),
    held: share('held'),
    requestsMedian: median(delays),
    requestsP90: percentile(delays, 0.9),
    lostMean: endings.reduce((sum, { lost }) => sum + lost, 0) / endings.length,
    metrics,
    delays,
  }
}

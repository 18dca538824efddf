import type { Comparison, Tally } from '../../domain/evidence.ts'
import type { MetricVerdict } from '../../domain/verdict.ts'
import { rateOf } from './comparison.ts'

/** Evidence beyond this many digits is told by its power of ten. */
const PLAIN_EVIDENCE_MAX = 1e6

/**
 * The verdict for a person: of the metrics that fail the one that does so most clearly,
 * `errors 4.1 % vs 0.4 % after 212 canary requests (evidence 312 > 167)`.
 */
export function sentenceOf(metrics: readonly MetricVerdict[], errors: Comparison): string {
  const worst = metrics
    .filter(({ outcome }) => outcome === 'fail')
    .sort((a, b) => excessOf(b) - excessOf(a))[0]
  if (worst !== undefined) return sentenceOfMetric(worst)
  const { canary, stable } = errors
  if (canary.requests === 0) return 'no requests to compare yet'
  return (
    `no evidence against it after ${canary.requests} canary requests ` +
    `(errors ${percent(canary)} vs ${percent(stable)})`
  )
}

/** One metric that fails, for a person. */
export function sentenceOfMetric(verdict: MetricVerdict): string {
  const { canary, stable, logEvidence, threshold } = verdict
  const evidence = `(evidence ${numberOf(logEvidence)} > ${Math.ceil(threshold)})`
  if (verdict.metric === 'crashes') {
    return `engine processes crashed ${canary.bad} times vs ${stable.bad} ${evidence}`
  }
  return `${subjectOf(verdict)} ${percent(canary)} vs ${percent(stable)} after ${canary.requests} canary requests ${evidence}`
}

function subjectOf({ metric, detail }: MetricVerdict): string {
  switch (metric) {
    case 'latency':
      return `slower than the ${detail} edge`
    case 'classes':
      return `${detail}:`
    case 'invalid':
      return 'invalid outputs'
    case 'errors':
    case 'crashes':
      return metric
  }
}

function excessOf({ logEvidence, threshold }: MetricVerdict): number {
  return logEvidence - Math.log(threshold)
}

function percent(tally: Tally): string {
  return `${(100 * rateOf(tally)).toFixed(1)} %`
}

function numberOf(logEvidence: number): string {
  const value = Math.exp(logEvidence)
  return value < PLAIN_EVIDENCE_MAX
    ? String(Math.floor(value))
    : `10^${Math.floor(logEvidence / Math.LN10)}`
}

import {
  type Comparison,
  EDGE_QUANTILES,
  type Evidence,
  type Reference,
  type Tally,
} from '../../domain/evidence.ts'
import {
  type JudgePolicy,
  type Metric,
  METRICS,
  type RegressionAction,
  type RolloutPolicy,
} from '../../domain/rollout-policy.ts'
import type { MetricVerdict, NotWorseVerdict, Verdict } from '../../domain/verdict.ts'
import { sentenceOf } from './sentence.ts'
import { logMeanExp } from './ratio-test.ts'
import { zeroErrorUpperBound } from './zero-error-bound.ts'

/**
 * How alpha is shared out. An E-value is at least 1/(alpha·share) with a probability of at most
 * alpha·share, so all metrics together raise a false alarm with at most alpha (Bonferroni, in
 * unequal parts: most to what users feel first). Shares of metrics that are off go to the others.
 */
const SHARES: Readonly<Record<Metric, number>> = {
  errors: 0.6,
  latency: 0.3,
  invalid: 0.04,
  classes: 0.03,
  crashes: 0.03,
}
/** Weights of the edges within latency; the tail is the hardest to see and gets most. */
const EDGE_SHARES = [0.2, 0.3, 0.5] as const

/** Evidence within this factor of its threshold holds a rollout where it is. */
const DOUBT_FACTOR = 10

/** What the evidence says. Pure, and may be asked after every block without any correction. */
export function judge(
  evidence: Evidence,
  policy: RolloutPolicy,
  reference: Reference | undefined,
): Verdict {
  const enabled = METRICS.filter((metric) => policy.judge[metric].enabled)
  const shares = enabled.reduce((sum, metric) => sum + SHARES[metric], 0)
  const notWorse = notWorseOf(evidence, policy.judge)
  const classes = reference?.classes ?? []
  const metrics = enabled.map((metric): MetricVerdict => {
    const threshold = shares / (policy.judge.alpha * SHARES[metric])
    const finding = findingOf(metric, evidence, classes)
    const fails = finding.logEvidence >= Math.log(threshold)
    const passes = metric === 'errors' && notWorse.isShown
    return {
      metric,
      outcome: fails ? 'fail' : passes ? 'pass' : 'inconclusive',
      ...finding,
      threshold,
      riskRatio: metric === 'crashes' ? 1 : policy.judge[metric].riskRatio,
      action: actionOf(metric, policy),
    }
  })
  const outcome = metrics.some(({ outcome }) => outcome === 'fail')
    ? 'fail'
    : notWorse.isShown
      ? 'pass'
      : 'inconclusive'
  const { blocks } = evidence
  return { outcome, metrics, notWorse, blocks, sentence: sentenceOf(metrics, evidence.errors) }
}

/** Whether a metric comes near its threshold: no reason to roll back, none to go on either. */
export function isInDoubt({ logEvidence, threshold }: MetricVerdict): boolean {
  return logEvidence >= Math.log(threshold / DOUBT_FACTOR)
}

type Finding = Pick<MetricVerdict, 'detail' | 'logEvidence' | 'canary' | 'stable'>

function findingOf(metric: Metric, evidence: Evidence, classes: readonly number[]): Finding {
  switch (metric) {
    case 'errors':
    case 'invalid': {
      const { logE, canary, stable } = evidence[metric]
      return { logEvidence: logMeanExp(logE), canary, stable }
    }
    case 'latency':
      return averageOf(evidence.latency, EDGE_SHARES, (edge) => ({
        detail: `p${(EDGE_QUANTILES[edge] ?? 0) * 100}`,
      }))
    case 'classes': {
      const { classesMore, classesLess } = evidence
      const comparisons = [...classesMore, ...classesLess]
      const shares = comparisons.map(() => 1 / comparisons.length)
      return averageOf(comparisons, shares, (index, { canary, stable }) => {
        const isMore = index < classesMore.length
        const name = nameOfClass(classes[isMore ? index : index - classesMore.length])
        // In the second half the two versions are in each other's place.
        return isMore
          ? { detail: `${name} more often` }
          : { detail: `${name} less often`, canary: stable, stable: canary }
      })
    }
    case 'crashes': {
      const { logE, canary, stable } = evidence.crashes
      return {
        logEvidence: logE,
        canary: { bad: canary, requests: evidence.errors.canary.requests },
        stable: { bad: stable, requests: evidence.errors.stable.requests },
      }
    }
  }
}

/** A weighted average of e-processes, shown by the one that contributes most. */
function averageOf(
  comparisons: readonly Comparison[],
  shares: readonly number[],
  describe: (index: number, comparison: Comparison) => Partial<Finding>,
): Finding {
  const terms = comparisons.map(
    ({ logE }, index) => logMeanExp(logE) + Math.log(shares[index] ?? 0),
  )
  const loudest = terms.indexOf(Math.max(...terms))
  const comparison = comparisons[loudest]
  if (comparison === undefined) return { logEvidence: 0, canary: NOTHING, stable: NOTHING }
  const { canary, stable } = comparison
  const logEvidence = logMeanExp(terms) + Math.log(terms.length)
  return { logEvidence, canary, stable, ...describe(loudest, comparison) }
}

const NOTHING: Tally = { bad: 0, requests: 0 }

/** After the classes of the reference comes the sum of all others. */
function nameOfClass(index: number | undefined): string {
  return index === undefined ? 'other classes' : `class ${index}`
}

function notWorseOf({ notWorse }: Evidence, policy: JudgePolicy): NotWorseVerdict {
  const { errorRate, beta } = policy.notWorse
  const { canary, logE } = notWorse
  const logEvidence = logMeanExp(logE)
  const threshold = 2 / beta
  const errorRateUpper =
    canary.bad === 0 ? zeroErrorUpperBound(canary.requests, beta / 2) : undefined
  const isShown =
    logEvidence >= Math.log(threshold) ||
    (errorRateUpper !== undefined && errorRateUpper <= errorRate)
  return { isShown, logEvidence, threshold, errorRateUpper }
}

function actionOf(metric: Metric, policy: RolloutPolicy): RegressionAction {
  return policy.judge[metric].onRegression ?? policy.onRegression
}

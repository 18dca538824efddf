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
  errors: 0.55,
  latency: 0.33,
  invalid: 0.04,
  classes: 0.04,
  crashes: 0.04,
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
  const metrics = enabled.map((metric): MetricVerdict => {
    const threshold = shares / (policy.judge.alpha * SHARES[metric])
    const finding = findingOf(metric, evidence, reference?.classes ?? [])
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
    case 'invalid':
      return findingOfOne(evidence[metric])
    case 'latency':
      return weighted(
        evidence.latency.map((comparison, edge) => ({
          ...findingOfOne(comparison),
          share: EDGE_SHARES[edge] ?? 0,
          detail: `p${(EDGE_QUANTILES[edge] ?? 0) * 100}`,
        })),
      )
    case 'classes': {
      const { classesMore, classesLess } = evidence
      const share = 1 / (classesMore.length + classesLess.length)
      return weighted([
        ...classesMore.map((comparison, index) => ({
          ...findingOfOne(comparison),
          share,
          detail: `${nameOfClass(classes[index])} more often`,
        })),
        // The two versions are in each other's place there.
        ...classesLess.map((comparison, index) => ({
          logEvidence: logMeanExp(comparison.logE),
          canary: comparison.stable,
          stable: comparison.canary,
          share,
          detail: `${nameOfClass(classes[index])} less often`,
        })),
      ])
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

function findingOfOne({ logE, canary, stable }: Comparison): Finding {
  return { logEvidence: logMeanExp(logE), canary, stable }
}

/** A weighted average of e-processes, shown by the one that contributes most. */
function weighted(findings: readonly (Finding & { readonly share: number })[]): Finding {
  const terms = findings.map(({ logEvidence, share }) => logEvidence + Math.log(share))
  const loudest = findings[terms.indexOf(Math.max(...terms))]
  if (loudest === undefined) return { logEvidence: 0, canary: NOTHING, stable: NOTHING }
  const { detail, canary, stable } = loudest
  return { detail, canary, stable, logEvidence: logMeanExp(terms) + Math.log(terms.length) }
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

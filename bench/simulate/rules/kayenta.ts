import { failureRate, type Rule, slowRate } from './rule.ts'

/** Minutes between two judgements, over all points since the start. */
const JUDGE_EVERY = 10
/** Of the whole canary config; a score below fails. */
const SCORE_MARGINAL = 75
const TOLERANCE = 0.25
/** Two-sided 98 %: the 0.99 quantile of the normal distribution. */
const Z = 2.3263478740408408

/**
 * Kayenta (NetflixACAJudge): each metric is a series of one point per minute for both versions.
 * The Mann-Whitney test gives a 98 % interval for the shift between them, and the metric is High
 * when all of it lies above a quarter of the Hodges-Lehmann estimate. Points without value are
 * removed. The score is the share of metrics that are not High.
 */
export function kayenta(): Rule {
  const metrics = [failureRate, slowRate].map((measure) => ({
    measure,
    control: [] as number[],
    experiment: [] as number[],
  }))
  let minutes = 0
  return {
    name: 'Kayenta',
    observe({ canary, stable }) {
      for (const { measure, control, experiment } of metrics) {
        const [c, e] = [measure(stable), measure(canary)]
        if (!Number.isNaN(c)) control.push(c)
        if (!Number.isNaN(e)) experiment.push(e)
      }
      if (++minutes % JUDGE_EVERY !== 0) return false
      const passed = metrics.filter(({ control, experiment }) => !isHigh(control, experiment))
      return (100 * passed.length) / metrics.length < SCORE_MARGINAL
    },
  }
}

function isHigh(control: readonly number[], experiment: readonly number[]): boolean {
  const [n, m] = [control.length, experiment.length]
  if (n === 0 || m === 0) return false
  const shifts = Float64Array.from({ length: n * m }, (_, index) => {
    return (experiment[index % m] ?? 0) - (control[Math.floor(index / m)] ?? 0)
  }).sort()
  const middle = (n * m - 1) / 2
  const estimate = ((shifts[Math.floor(middle)] ?? 0) + (shifts[Math.ceil(middle)] ?? 0)) / 2
  // The interval's lower end: the order statistic that the normal approximation of U gives.
  const rank = Math.floor((n * m) / 2 - Z * Math.sqrt((n * m * (n + m + 1)) / 12))
  const lower = shifts[rank]
  return rank >= 0 && lower !== undefined && lower > TOLERANCE * Math.abs(estimate)
}

import { FAILURE_RATE_MAX, failureRate, type Rule, SLOW_RATE_MAX, slowRate } from './rule.ts'

/** `analysis.threshold` of Flagger's tutorials; its default is 1. */
const THRESHOLD = 5

/**
 * Flagger: every interval request-success-rate and request-duration of the canary are held
 * against fixed ranges. Failed checks add up over the whole analysis, an interval without values
 * is one, and the threshold's number of them rolls back.
 */
export function flagger(): Rule {
  let failedChecks = 0
  return {
    name: 'Flagger',
    observe({ canary }) {
      const passes =
        canary.requests > 0 &&
        failureRate(canary) <= FAILURE_RATE_MAX &&
        !(slowRate(canary) > SLOW_RATE_MAX)
      if (!passes) failedChecks++
      return failedChecks >= THRESHOLD
    },
  }
}

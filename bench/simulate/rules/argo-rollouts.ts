import type { ArmCounts } from '../../../src/domain/evidence.ts'
import { FAILURE_RATE_MAX, failureRate, type Rule, SLOW_RATE_MAX, slowRate } from './rule.ts'

/** `failureLimit` of the examples in the documentation; its default is 0. */
const FAILURE_LIMIT = 3
/** Default of `consecutiveErrorLimit`: measurements that gave no value. */
const CONSECUTIVE_ERROR_LIMIT = 4

/**
 * Argo Rollouts: an analysis run with one measurement per interval of success rate and duration
 * of the canary, each by its own metric. A metric with more failures than its limit fails the run.
 */
export function argoRollouts(): Rule {
  const metrics = [
    metric((canary) => failureRate(canary) <= FAILURE_RATE_MAX),
    metric((canary) => !(slowRate(canary) > SLOW_RATE_MAX)),
  ]
  return {
    name: 'Argo Rollouts',
    observe: ({ canary }) => metrics.map((measure) => measure(canary)).includes('failed'),
  }
}

function metric(isSuccess: (canary: ArmCounts) => boolean) {
  let failures = 0
  let consecutiveErrors = 0
  return (canary: ArmCounts): 'failed' | 'running' => {
    if (canary.requests === 0) {
      consecutiveErrors++
    } else {
      consecutiveErrors = 0
      if (!isSuccess(canary)) failures++
    }
    const isOver = failures > FAILURE_LIMIT || consecutiveErrors > CONSECUTIVE_ERROR_LIMIT
    return isOver ? 'failed' : 'running'
  }
}

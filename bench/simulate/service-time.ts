import type { Random } from './random.ts'
import type { Arm } from './scenario.ts'

/** Probability that a service time is above an edge. */
export function exceedance({ latency }: Arm, factor: number, edgeMs: number): number {
  const { medianMs, sigma, slowShare, slowFactor } = latency
  const z = Math.log(edgeMs / (medianMs * factor)) / sigma
  if (slowShare === 0) return normalUpperTail(z)
  const slow = normalUpperTail(z - Math.log(slowFactor) / sigma)
  return (1 - slowShare) * normalUpperTail(z) + slowShare * slow
}

export function drawServiceTimeMs({ latency }: Arm, factor: number, random: Random): number {
  const { medianMs, sigma, slowShare, slowFactor } = latency
  const scale = random.uniform() < slowShare ? slowFactor : 1
  return medianMs * factor * scale * Math.exp(sigma * random.normal())
}

/** The edge that a share of service times lies above, by bisection. */
export function quantileMs(arm: Arm, quantile: number): number {
  let [low, high] = [arm.latency.medianMs / 1e6, arm.latency.medianMs * 1e6]
  for (let i = 0; i < 200; i++) {
    const middle = Math.sqrt(low * high)
    if (exceedance(arm, 1, middle) > 1 - quantile) low = middle
    else high = middle
  }
  return high
}

/** P(Z > z) with a relative error below 1.2e-7 (Press et al., Numerical Recipes, erfcc). */
function normalUpperTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2
  const t = 1 / (1 + x / 2)
  let polynomial = 0
  for (const coefficient of COEFFICIENTS) polynomial = polynomial * t + coefficient
  const tail = (t * Math.exp(-x * x + polynomial)) / 2
  return z >= 0 ? tail : 1 - tail
}

const COEFFICIENTS = [
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
  1.00002368, -1.26551223,
]

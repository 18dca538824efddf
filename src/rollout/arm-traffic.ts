import type { ArmTraffic } from '../domain/rollout-status.ts'
import type { Outcome } from './block-recorder.ts'

const WINDOW_MS = 10_000
/** The newest; more requests than these in the window make the window shorter. */
const REQUESTS_MAX = 1_000

/** What one arm of a trial does now, for people: nothing is decided by it. */
export class ArmTrafficRecorder {
  readonly #endedAtMs = new Float64Array(REQUESTS_MAX)
  /** NaN where a request had no answer. */
  readonly #serviceMs = new Float64Array(REQUESTS_MAX)
  #count = 0

  add(outcome: Outcome, nowMs: number): void {
    if (outcome.kind === 'excused') return
    const index = this.#count++ % REQUESTS_MAX
    this.#endedAtMs[index] = nowMs
    this.#serviceMs[index] = outcome.kind === 'answered' ? outcome.serviceMs : Number.NaN
  }

  traffic(nowMs: number): ArmTraffic {
    const kept = Math.min(this.#count, REQUESTS_MAX)
    const fromMs = nowMs - WINDOW_MS
    const recent = [...this.#endedAtMs.subarray(0, kept).keys()].filter(
      (index) => (this.#endedAtMs[index] ?? 0) > fromMs,
    )
    const isCut = recent.length === REQUESTS_MAX
    const oldestMs = isCut ? Math.min(...this.#endedAtMs) : fromMs
    const times = recent
      .map((index) => this.#serviceMs[index] ?? Number.NaN)
      .filter((time) => !Number.isNaN(time))
      .sort((a, b) => a - b)
    return {
      requestsPerSecond: (1000 * recent.length) / (nowMs - oldestMs),
      serviceP50Ms: percentile(times, 0.5),
      serviceP99Ms: percentile(times, 0.99),
    }
  }
}

/** Of sorted values, by the nearest rank; null of none. */
function percentile(sorted: readonly number[], fraction: number): number | null {
  return sorted[Math.ceil(fraction * sorted.length) - 1] ?? null
}

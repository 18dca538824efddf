import type { Trial } from '../domain/rollout.ts'
import type { ShadowSummary } from '../domain/shadow-summary.ts'
import { NOTHING_COMPARED, type ShadowComparison, withComparison } from './shadow-summary.ts'

/** So many comparisons are stored together: each storing is a write to the registry. */
const BATCH = 50

/** The comparisons of a shadow phase that are not stored yet, on top of those that are. */
export class ShadowRecorder {
  readonly #onBatch: () => void
  #trial = ''
  #base: ShadowSummary = NOTHING_COMPARED
  #summary: ShadowSummary = NOTHING_COMPARED

  constructor(onBatch: () => void) {
    this.#onBatch = onBatch
  }

  add(trial: string, comparison: ShadowComparison): void {
    if (trial !== this.#trial) return
    this.#summary = withComparison(this.#summary, comparison)
    if (this.#summary.compared - this.#base.compared >= BATCH) this.#onBatch()
  }

  /** All comparisons of the trial so far; undefined when none is to be stored. */
  summaryOf({ id, shadow }: Trial): ShadowSummary | undefined {
    if (id !== this.#trial) {
      this.#trial = id
      this.#base = shadow ?? NOTHING_COMPARED
      this.#summary = this.#base
    }
    if (this.#summary.compared - this.#base.compared < BATCH) return undefined
    this.#base = this.#summary
    return this.#summary
  }
}

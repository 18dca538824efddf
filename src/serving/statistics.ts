/** How often something happened and how long it took in all. */
export interface Tally {
  readonly count: number
  readonly ms: number
}

const NONE: Tally = { count: 0, ms: 0 }

export interface ServedRequest {
  readonly isOk: boolean
  readonly totalMs: number
  /** Absent where no model ran. */
  readonly stages:
    | { readonly queueMs: number; readonly preprocessMs: number; readonly inferenceMs: number }
    | undefined
  /** How many examples it held. */
  readonly examples: number
}

/** What one loaded version has done since it was loaded. */
export class Statistics {
  success = NONE
  fail = NONE
  queue = NONE
  preprocess = NONE
  inference = NONE
  /** Examples inferred: a batch counts each. */
  examples = 0
  lastInferenceAt: Date | undefined

  record({ isOk, totalMs, stages, examples }: ServedRequest): void {
    if (!isOk) {
      this.fail = plus(this.fail, totalMs)
      return
    }
    this.success = plus(this.success, totalMs)
    if (stages === undefined) return
    this.queue = plus(this.queue, stages.queueMs)
    this.preprocess = plus(this.preprocess, stages.preprocessMs)
    this.inference = plus(this.inference, stages.inferenceMs)
    this.examples += examples
    this.lastInferenceAt = new Date()
  }
}

function plus({ count, ms }: Tally, moreMs: number): Tally {
  return { count: count + 1, ms: ms + moreMs }
}

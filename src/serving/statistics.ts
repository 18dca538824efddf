import type { Stages } from '../domain/stages.ts'

/** How often something happened and how long it took in all. */
export class Tally {
  count = 0
  ms = 0

  add(ms: number): void {
    this.count++
    this.ms += ms
  }
}

export interface ServedRequest {
  readonly isOk: boolean
  readonly totalMs: number
  /** Absent where no model ran. */
  readonly stages: Stages | undefined
  /** How many examples it held. */
  readonly examples: number
}

/** What one loaded version has done since it was loaded. */
export class Statistics {
  readonly success = new Tally()
  readonly fail = new Tally()
  readonly queue = new Tally()
  readonly preprocess = new Tally()
  readonly inference = new Tally()
  /** Examples inferred: a batch counts each. */
  examples = 0
  /** Runs of the model, each of which some requests may have shared. */
  runs = 0
  /** Milliseconds of Unix time; undefined: never. */
  lastInferenceAt: number | undefined

  record({ isOk, totalMs, stages, examples }: ServedRequest): void {
    if (!isOk) {
      this.fail.add(totalMs)
      return
    }
    this.success.add(totalMs)
    if (stages === undefined) return
    this.queue.add(stages.queueMs)
    this.preprocess.add(stages.preprocessMs)
    this.inference.add(stages.inferenceMs)
    this.examples += examples
    this.runs += 1 / stages.sharedBy
    this.lastInferenceAt = Date.now()
  }
}

interface Tally {
  readonly count: number
  readonly ms: number
}

const NS_PER_MS = 1_000_000

export interface StatisticsOfVersion {
  readonly success: Tally
  readonly fail: Tally
  readonly queue: Tally
  readonly preprocess: Tally
  readonly inference: Tally
  readonly examples: number
  readonly runs: number
  /** Milliseconds of Unix time. */
  readonly lastInferenceAt: number | undefined
}

/** One entry of the `statistics` extension. */
export function modelStatistics(name: string, version: number, served: StatisticsOfVersion) {
  return {
    name,
    version: String(version),
    last_inference: served.lastInferenceAt ?? 0,
    inference_count: served.examples,
    execution_count: Math.round(served.runs),
    inference_stats: {
      success: duration(served.success),
      fail: duration(served.fail),
      queue: duration(served.queue),
      compute_input: duration(served.preprocess),
      compute_infer: duration(served.inference),
      compute_output: duration({ count: served.inference.count, ms: 0 }),
      cache_hit: duration({ count: 0, ms: 0 }),
      cache_miss: duration({ count: 0, ms: 0 }),
    },
    batch_stats: [],
  }
}

function duration({ count, ms }: Tally) {
  return { count, ns: Math.round(ms * NS_PER_MS) }
}

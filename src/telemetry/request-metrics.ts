import type { Metric, Registry } from 'prom-client'

import type { ErrorCode } from '../domain/errors.ts'
import type { Stages } from '../domain/stages.ts'

export interface RequestOutcome {
  /** Empty where the request reached no model, and so is its track. */
  readonly model: string
  readonly version: number | undefined
  readonly track: string
  readonly protocol: string
  readonly outcome: 'ok' | ErrorCode
  readonly totalMs: number
  readonly stages?: Stages | undefined
  readonly examples: number
}

/** Of one version in one track. */
interface Series {
  readonly labels: { readonly model: string; readonly version: string; readonly track: string }
  /** Of each protocol, how many requests had each outcome. */
  readonly outcomes: Map<string, Map<string, number>>
  readonly stages: Map<string, Distribution>
  examples: number
  /** Of the model; those that requests shared were counted in parts. */
  runs: number
}

interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const DURATION = 'cutover_request_duration_seconds'
/** The one by the other is how large batches are. */
const COUNTS: readonly [string, string, (series: Series) => number][] = [
  ['cutover_examples_total', 'Examples that models inferred', ({ examples }) => examples],
  [
    'cutover_model_runs_total',
    'Runs of models, which requests share where the manifest says so',
    ({ runs }) => Math.round(runs),
  ],
]

/**
 * What is counted of every request. Plain numbers, made into a library's metrics when they are
 * read: the library's own counters would take a tenth of what a small request costs. Labels come
 * from what is loaded and from fixed sets; the series of a version go with it.
 */
export class RequestMetrics {
  /** By model, version and track: names that exist, not a key that each request would make. */
  readonly #series = new Map<string, Map<number | undefined, Map<string, Series>>>()

  constructor(registry: Registry) {
    // All that the registry asks of a metric is to be able to get it.
    registry.registerMetric({
      name: 'cutover_requests_total',
      get: () => this.#requests(),
    } as unknown as Metric)
    for (const [name, help, count] of COUNTS) {
      const get = () => this.#counted(name, help, count)
      registry.registerMetric({ name, get } as unknown as Metric)
    }
    registry.registerMetric({ name: DURATION, get: () => this.#durations() } as unknown as Metric)
  }

  finished(ended: RequestOutcome): void {
    const { model, version, track, protocol, outcome, totalMs, stages, examples } = ended
    const series = this.#seriesOf(model, version, track)
    const outcomes = gotten(series.outcomes, protocol, () => new Map<string, number>())
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if (outcome !== 'ok') return
    observe(series, 'total', totalMs)
    if (stages === undefined) return
    observe(series, 'queue', stages.queueMs)
    observe(series, 'preprocess', stages.preprocessMs)
    observe(series, 'inference', stages.inferenceMs)
    series.examples += examples
    series.runs += 1 / stages.sharedBy
  }

  forget(model: string, version: number): void {
    const versions = this.#series.get(model)
    versions?.delete(version)
    if (versions?.size === 0) this.#series.delete(model)
  }

  #seriesOf(model: string, version: number | undefined, track: string): Series {
    const versions = gotten(this.#series, model, () => new Map<number, Map<string, Series>>())
    const tracks = gotten(versions, version, () => new Map<string, Series>())
    return gotten(tracks, track, () => ({
      labels: { model, version: version === undefined ? '' : String(version), track },
      outcomes: new Map(),
      stages: new Map(),
      examples: 0,
      runs: 0,
    }))
  }

  *#all(): Generator<Series> {
    for (const versions of this.#series.values()) {
      for (const tracks of versions.values()) yield* tracks.values()
    }
  }

  #requests() {
    const values: Sample[] = []
    for (const { labels, outcomes } of this.#all()) {
      for (const [protocol, counts] of outcomes) {
        for (const [outcome, value] of counts) {
          values.push({ labels: { ...labels, protocol, outcome }, value })
        }
      }
    }
    return Promise.resolve({
      name: 'cutover_requests_total',
      help: 'Requests answered, by outcome: ok, or the code of the error',
      type: 'counter',
      aggregator: 'sum',
      values,
    })
  }

  #counted(name: string, help: string, count: (series: Series) => number) {
    const values: Sample[] = []
    for (const series of this.#all()) {
      if (series.runs > 0) values.push({ labels: { ...series.labels }, value: count(series) })
    }
    return Promise.resolve({ name, help, type: 'counter', aggregator: 'sum', values })
  }

  #durations() {
    const values: Sample[] = []
    for (const { labels, stages } of this.#all()) {
      for (const [stage, distribution] of stages) {
        values.push(...samplesOf({ ...labels, stage }, distribution))
      }
    }
    return Promise.resolve({
      name: DURATION,
      help: 'Time of answered requests: waiting (queue), preprocess, inference, and all (total)',
      type: 'histogram',
      aggregator: 'sum',
      values,
    })
  }
}

function observe({ stages }: Series, stage: string, milliseconds: number): void {
  gotten(stages, stage, () => new Distribution()).add(milliseconds / 1000)
}

/** What is there under the key, or else what is made now. */
function gotten<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

/** How long something took. */
class Distribution {
  sum = 0
  count = 0
  /** Values up to each of SECONDS_BUCKETS, and above the one before. */
  readonly buckets = SECONDS_BUCKETS.map(() => 0)

  add(seconds: number): void {
    this.sum += seconds
    this.count++
    const { buckets } = this
    for (let i = 0; i < buckets.length; i++) {
      if (seconds > (SECONDS_BUCKETS[i] ?? 0)) continue
      buckets[i] = (buckets[i] ?? 0) + 1
      return
    }
  }
}

/** A histogram as Prometheus reads it: each bucket counts those below it as well. */
function samplesOf(
  labels: Readonly<Record<string, string>>,
  { sum, count, buckets }: Distribution,
): Sample[] {
  let below = 0
  const metricName = `${DURATION}_bucket`
  return [
    ...SECONDS_BUCKETS.map((le, index) => {
      below += buckets[index] ?? 0
      return { metricName, labels: { le, ...labels }, value: below }
    }),
    { metricName, labels: { le: '+Inf', ...labels }, value: count },
    { metricName: `${DURATION}_sum`, labels, value: sum },
    { metricName: `${DURATION}_count`, labels, value: count },
  ]
}

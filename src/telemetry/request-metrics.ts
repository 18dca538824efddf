import type { Metric, Registry } from 'prom-client'

import type { ErrorCode } from '../domain/errors.ts'

export interface RequestOutcome {
  /** Empty where the request reached no model. */
  readonly model: string
  readonly version: string
  readonly track: string
  readonly protocol: string
  readonly outcome: 'ok' | ErrorCode
  readonly totalMs: number
  readonly stages?:
    | { readonly queueMs: number; readonly preprocessMs: number; readonly inferenceMs: number }
    | undefined
}

/** Of one version in one track. */
interface Series {
  readonly labels: { readonly model: string; readonly version: string; readonly track: string }
  readonly outcomes: Map<string, { protocol: string; outcome: string; count: number }>
  readonly stages: Map<string, Distribution>
}

interface Distribution {
  sum: number
  count: number
  /** Values up to each of SECONDS_BUCKETS, and above the one before. */
  readonly buckets: number[]
}

interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const DURATION = 'cutover_request_duration_seconds'

/**
 * What is counted of every request. Plain numbers, made into a library's metrics when they are
 * read: the library's own counters would take a tenth of what a small request costs. Labels come
 * from what is loaded and from fixed sets; the series of a version go with it.
 */
export class RequestMetrics {
  readonly #series = new Map<string, Series>()

  constructor(registry: Registry) {
    // All that the registry asks of a metric is to be able to get it.
    registry.registerMetric({
      name: 'cutover_requests_total',
      get: () => this.#requests(),
    } as unknown as Metric)
    registry.registerMetric({ name: DURATION, get: () => this.#durations() } as unknown as Metric)
  }

  finished({ model, version, track, protocol, outcome, totalMs, stages }: RequestOutcome): void {
    const series = this.#seriesOf(model, version, track)
    const key = `${protocol} ${outcome}`
    const counted = series.outcomes.get(key)
    if (counted === undefined) series.outcomes.set(key, { protocol, outcome, count: 1 })
    else counted.count++
    if (outcome !== 'ok') return
    observe(series, 'total', totalMs)
    if (stages === undefined) return
    observe(series, 'queue', stages.queueMs)
    observe(series, 'preprocess', stages.preprocessMs)
    observe(series, 'inference', stages.inferenceMs)
  }

  forget(model: string, version: string): void {
    for (const [key, { labels }] of this.#series) {
      if (labels.model === model && labels.version === version) this.#series.delete(key)
    }
  }

  #seriesOf(model: string, version: string, track: string): Series {
    const key = `${model} ${version} ${track}`
    let series = this.#series.get(key)
    if (series === undefined) {
      series = { labels: { model, version, track }, outcomes: new Map(), stages: new Map() }
      this.#series.set(key, series)
    }
    return series
  }

  #requests() {
    const values: Sample[] = []
    for (const { labels, outcomes } of this.#series.values()) {
      for (const { protocol, outcome, count } of outcomes.values()) {
        values.push({ labels: { ...labels, protocol, outcome }, value: count })
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

  #durations() {
    const values: Sample[] = []
    for (const { labels, stages } of this.#series.values()) {
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
  const seconds = milliseconds / 1000
  let distribution = stages.get(stage)
  if (distribution === undefined) {
    distribution = { sum: 0, count: 0, buckets: SECONDS_BUCKETS.map(() => 0) }
    stages.set(stage, distribution)
  }
  distribution.sum += seconds
  distribution.count++
  const index = SECONDS_BUCKETS.findIndex((bound) => seconds <= bound)
  if (index >= 0) distribution.buckets[index] = (distribution.buckets[index] ?? 0) + 1
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

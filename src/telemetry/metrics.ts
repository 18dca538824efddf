import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

import type { DeploymentEvent } from '../domain/events.ts'
import type { RolloutStatus } from '../domain/rollout-status.ts'
import { type RequestOutcome, RequestMetrics } from './request-metrics.ts'
import { rolloutGauges } from './rollout-gauges.ts'
import { watchEventLoopDelay } from './event-loop-delay.ts'

/** Gauges of prom-client whose names promtool refuses. */
const UNCLEAN = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

/** A version as the gauges show it. */
export interface ServingGauge {
  readonly model: string
  readonly version: number
  readonly track: string
  readonly digest: string
  readonly engine: string
  readonly device: string
  readonly enginesReady: number
  readonly queueLength: number
  readonly inflight: number
}

/** The registry as the gauges show it. */
export interface RegistryGauge {
  readonly lastSuccessAt: Date | undefined
  readonly unavailable: string | undefined
  readonly problems: readonly unknown[]
}

/**
 * Everything Prometheus reads. Labels come from what is loaded and from fixed sets, never from
 * what a client sent, and the series of a version go when it is unloaded.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #requests: RequestMetrics
  readonly #restarts: Counter
  readonly #retries: Counter
  readonly #poison: Counter
  readonly #rejected: Counter
  readonly #promoted: Counter
  readonly #loadDuration: Histogram
  readonly #deliveries: Counter

  constructor(
    serving: () => Iterable<ServingGauge>,
    registry: () => RegistryGauge,
    rollouts: () => readonly RolloutStatus[],
  ) {
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry })
    for (const name of UNCLEAN) this.#registry.removeSingleMetric(name)

    this.#requests = new RequestMetrics(this.#registry)
    this.#restarts = new Counter({
      name: 'cutover_engine_restarts_total',
      help: 'Engine processes that ended by themselves or were killed, and were replaced',
      labelNames: ['model', 'cause'],
      registers,
    })
    this.#retries = new Counter({
      name: 'cutover_request_retries_total',
      help: 'Requests run again because the process that had them ended',
      labelNames: ['model'],
      registers,
    })
    this.#poison = new Counter({
      name: 'cutover_poison_requests_total',
      help: 'Requests given up because engine processes ended under them',
      labelNames: ['model'],
      registers,
    })
    this.#rejected = new Counter({
      name: 'cutover_versions_rejected_total',
      help: 'Versions that were not served, by the code of the reason',
      labelNames: ['model', 'code'],
      registers,
    })
    this.#promoted = new Counter({
      name: 'cutover_promotions_total',
      help: 'Times that a version took the traffic of its model',
      labelNames: ['model'],
      registers,
    })
    this.#loadDuration = new Histogram({
      name: 'cutover_version_load_duration_seconds',
      help: 'From the start of a load to a version that is verified, loaded and warm',
      labelNames: ['model'],
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
      registers,
    })
    this.#deliveries = new Counter({
      name: 'cutover_webhook_deliveries_total',
      help: 'Events sent to webhooks: delivered, retried, or lost: refused, expired, dropped',
      labelNames: ['outcome'],
      registers,
    })
    this.#gauges(serving)
    this.#registryGauges(registry)
    rolloutGauges(this.#registry, rollouts)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  render(): Promise<string> {
    return this.#registry.metrics()
  }

  requestFinished(outcome: RequestOutcome): void {
    this.#requests.finished(outcome)
  }

  observe(event: DeploymentEvent): void {
    const { model } = event
    switch (event.kind) {
      case 'version.ready':
        this.#loadDuration.observe({ model }, event.tookMs / 1000)
        return
      case 'version.rejected':
        this.#rejected.inc({ model, code: event.code })
        return
      case 'version.promoted':
        this.#promoted.inc({ model })
        return
      case 'version.unloaded':
        this.#requests.forget(model, event.version)
        return
      case 'engine.ended':
        this.#restarts.inc({ model, cause: event.cause })
        return
      case 'request.retried':
        this.#retries.inc({ model })
        return
      case 'request.poisonous':
        this.#poison.inc({ model })
        return
      case 'version.found':
      case 'version.loading':
      case 'version.step':
      case 'version.cancelled':
      case 'version.retrying':
      case 'version.draining':
      case 'engine.started':
        return
    }
  }

  webhookOutcome(outcome: 'delivered' | 'retried' | 'refused' | 'expired' | 'dropped'): void {
    this.#deliveries.inc({ outcome })
  }

  /** `length` tells how many events wait for an answer of a webhook. */
  watchWebhooks(length: () => number): void {
    const gauge: Gauge = new Gauge({
      name: 'cutover_webhook_queue_length',
      help: 'Events that wait until a webhook has taken them',
      registers: [this.#registry],
      collect: () => gauge.set(length()),
    })
  }

  #registryGauges(registry: () => RegistryGauge): void {
    for (const [name, help, read] of [
      [
        'cutover_registry_last_success_timestamp_seconds',
        'When the registry was last read; 0: not yet',
        ({ lastSuccessAt }: RegistryGauge) => (lastSuccessAt?.getTime() ?? 0) / 1000,
      ],
      [
        'cutover_registry_up',
        'Whether the last attempt to read the registry succeeded',
        ({ unavailable }: RegistryGauge) => (unavailable === undefined ? 1 : 0),
      ],
      [
        'cutover_registry_problems',
        'Things in the registry that cannot be understood; GET /models names them',
        ({ problems }: RegistryGauge) => problems.length,
      ],
    ] as const) {
      const registers = [this.#registry]
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers,
        collect: () => gauge.set(read(registry())),
      })
    }
  }

  #gauges(serving: () => Iterable<ServingGauge>): void {
    const registers = [this.#registry]
    const perVersion = (
      name: string,
      help: string,
      labelNames: readonly ('model' | 'version' | 'track' | 'digest' | 'engine' | 'device')[],
      value: (servable: ServingGauge) => number,
    ) => {
      const gauge: Gauge = new Gauge({
        name,
        help,
        labelNames,
        registers,
        collect() {
          gauge.reset()
          for (const servable of serving()) {
            const labels = Object.fromEntries(labelNames.map((label) => [label, servable[label]]))
            gauge.set(labels, value(servable))
          }
        },
      })
    }
    const byVersion = ['model', 'version'] as const
    perVersion(
      'cutover_model_info',
      'Versions that are loaded; the value is always 1',
      ['model', 'version', 'digest', 'engine', 'device', 'track'],
      () => 1,
    )
    perVersion(
      'cutover_engines_ready',
      'Engine processes that take requests',
      byVersion,
      (s) => s.enginesReady,
    )
    perVersion(
      'cutover_queue_length',
      'Requests that wait for an engine',
      byVersion,
      (s) => s.queueLength,
    )
    perVersion(
      'cutover_inflight_requests',
      'Requests inside an engine',
      byVersion,
      (s) => s.inflight,
    )

    const readDelay = watchEventLoopDelay()
    let delay = { p50: 0, p99: 0, max: 0 }
    // One reading, which resets the clock, for the three of a scrape.
    const ofScrape = () => (delay = readDelay())
    for (const [quantile, read] of [
      ['p50', () => ofScrape().p50],
      ['p99', () => delay.p99],
      ['max', () => delay.max],
    ] as const) {
      const gauge: Gauge = new Gauge({
        name: `cutover_event_loop_delay_${quantile}_seconds`,
        help: `How late the event loop of the server ran its timers since the last scrape, ${quantile}`,
        registers,
        collect: () => gauge.set(read()),
      })
    }
  }
}

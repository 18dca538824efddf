import { existsSync } from 'node:fs'
import os from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

import { engineOf } from './domain/manifest.ts'
import type { DeploymentEvent, DeploymentObserver } from './domain/events.ts'
import { EnginePool, type Occupancy } from './engine/pool.ts'
import { BodyPool } from './gateway/body-pool.ts'
import { AdminGateway } from './gateway/admin-gateway.ts'
import type { GatewayContext } from './gateway/context.ts'
import { Gateway } from './gateway/gateway.ts'
import { cpuCount } from './lib/cpu-count.ts'
import { openSource } from './registry/open-source.ts'
import { Manager, type StartPool } from './serving/manager.ts'
import { logEvents } from './telemetry/event-log.ts'
import { createLogger } from './telemetry/logger.ts'
import { Metrics, type ServingGauge } from './telemetry/metrics.ts'
import { terminalProgress } from './telemetry/progress.ts'
import type { Settings } from './wire/settings.ts'

/** Part of the machine's memory that one engine may hold where no bound is set. */
const MEMORY_SHARE = 0.75

/**
 * The server's composition root. Starts registry, engines and gateway, and returns when it
 * listens; the process then lives until it gets SIGTERM or SIGINT.
 */
export async function serve(settings: Settings): Promise<void> {
  const progress = process.stdout.isTTY ? terminalProgress(process.stdout) : undefined
  const logger = createLogger(settings, progress?.logStream ?? process.stdout)
  const metrics = new Metrics(
    () => gaugesOf(manager),
    () => manager.source,
  )
  const log = logEvents(logger)
  const observe: DeploymentObserver = (event) => {
    progress?.observe(event)
    metrics.observe(event)
    log(event)
  }
  const source = await openSource(settings, {
    onProblem: (problem) => logger.warn(problem, `${problem.path}: ${problem.reason}`),
    onRecovered: (location) => logger.info({ location }, `${location} can be read again`),
  })
  const manager: Manager = new Manager({
    source,
    observe,
    startPool: poolStarter(settings, observe),
    versionsLoadedMax: settings.versionsLoadedMax,
    modelsMax: settings.modelsMax,
    drainTimeoutMs: settings.drainTimeoutMs,
  })
  let settled = false
  let leaving = false
  const context: GatewayContext = {
    settings,
    metrics,
    logger,
    bodies: new BodyPool(),
    table: () => manager.table,
    models: () => manager.models(),
    pending: () => manager.pending,
    source: () => manager.source,
    hint: () => manager.hint(),
    unready: () => unreadyReason(manager, { settled, leaving }),
  }
  const gateway = new Gateway(context)
  const admin = settings.adminPort < 0 ? undefined : new AdminGateway(context)

  const port = await gateway.listen()
  const adminPort = await admin?.listen()
  logger.info(
    { host: settings.host, port, adminPort },
    `listening on http://${settings.host}:${port}`,
  )
  stopOnSignal(async (signal) => {
    leaving = true
    gateway.leave()
    logger.info({ signal }, 'shutting down')
    // A load balancer goes on sending for a moment after it sees that the server is not ready.
    // On a terminal nobody waits for that.
    if (signal === 'SIGTERM') await sleep(settings.shutdownGraceMs)
    const clean = await gateway.close(settings.drainTimeoutMs)
    admin?.close()
    await manager.close()
    logger.info(clean ? 'every request was answered' : 'some requests were cut off')
  })
  await manager.start()
  await manager.settled
  settled = true
}

function poolStarter(settings: Settings, observe: DeploymentObserver): StartPool {
  const cores = cpuCount()
  const occupancy: Occupancy = { inflight: 0 }
  const device = settings.device === 'auto' ? visibleDevice() : settings.device
  // One process fills a GPU; a CPU takes one per core.
  const engines = settings.engines || (device === 'gpu' ? 1 : cores)
  const threadsAlone = settings.threadsAlone < 0 ? cores : settings.threadsAlone
  const memoryBytesMax = settings.engineMemoryBytesMax || Math.round(memoryBytes() * MEMORY_SHARE)
  return (local, { signal, onStep }) => {
    const tell = (event: EventOfVersion) =>
      observe({ model: local.model, version: local.version, ...event })
    const { image, output, warmup } = local.manifest
    return EnginePool.start(
      {
        engines,
        threadsAlone: threadsAlone > settings.threadsPerEngine ? threadsAlone : 0,
        inflightPerEngineMax: settings.inflightPerEngineMax,
        queueLengthMax: settings.queueLengthMax,
        runTimeoutMs: settings.runTimeoutMs,
        occupancy,
        engine: {
          load: {
            kind: 'load',
            dir: local.dir,
            entry: local.entry,
            format: local.format,
            threads: settings.threadsPerEngine,
            threadsAlone: 0,
            device,
            pixelsMax: settings.pixelsMax,
            image,
            output,
            warmup,
          },
          loadTimeoutMs: settings.loadTimeoutMs,
          memoryBytesMax,
          nice: settings.engineNice,
        },
        onStep,
        observer: {
          engineStarted: (pid) => tell({ kind: 'engine.started', pid }),
          engineEnded: ({ kind: cause, ...ending }, pid, restartMs) => {
            const reason = 'reason' in ending ? ending.reason : 'closed'
            tell({ kind: 'engine.ended', pid, cause, reason, restartMs })
          },
          requestRetried: () => tell({ kind: 'request.retried' }),
          requestPoisonous: () => tell({ kind: 'request.poisonous' }),
        },
      },
      signal,
    )
  }
}

type EventOfVersion = DeploymentEvent extends infer Event
  ? Event extends DeploymentEvent
    ? Omit<Event, 'model' | 'version'>
    : never
  : never

function visibleDevice(): 'cpu' | 'gpu' {
  return existsSync('/dev/nvidiactl') ? 'gpu' : 'cpu'
}

function memoryBytes(): number {
  // In a container, what it may use; the type is newer than the oldest Node it runs on.
  const constrained = process.constrainedMemory()
  return constrained > 0 && constrained < os.totalmem() ? constrained : os.totalmem()
}

function* gaugesOf(manager: Manager): Generator<ServingGauge> {
  for (const [model, { stable, versions }] of manager.table) {
    for (const [version, servable] of versions) {
      const { local, pool } = servable
      yield {
        model,
        version,
        track: servable === stable ? 'stable' : '',
        digest: local.digest,
        engine: engineOf(local.format),
        enginesReady: pool.enginesReady,
        queueLength: pool.queueLength,
        inflight: pool.inflight,
      }
    }
  }
}

function unreadyReason(
  manager: Manager,
  { settled, leaving }: { settled: boolean; leaving: boolean },
): string | undefined {
  if (leaving) return 'shutting down'
  if (!settled) return 'loading models'
  if (manager.table.size === 0) {
    const { location, unavailable } = manager.source
    const why = unavailable === undefined ? '' : `: ${location} cannot be read (${unavailable})`
    return `no model is loaded${why}`
  }
  for (const [model, { stable }] of manager.table) {
    if (stable.pool.enginesReady === 0) return `no engine of ${model} is up`
  }
  return undefined
}

/** Runs `stop` on the first SIGTERM or SIGINT and exits with 0; a second one exits at once. */
function stopOnSignal(stop: (signal: string) => Promise<void>): void {
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1)
      stopping = true
      void stop(signal).then(() => process.exit(0))
    })
  }
}

import { existsSync } from 'node:fs'
import os from 'node:os'

import type { DeploymentEvent, DeploymentObserver } from './domain/events.ts'
import { EnginePool, type Occupancy } from './engine/pool.ts'
import { cpuCount } from './lib/cpu-count.ts'
import type { StartPool } from './serving/manager.ts'
import type { Settings } from './wire/settings.ts'

/** Part of the machine's memory that one engine may hold where no bound is set. */
const MEMORY_SHARE = 0.75
/**
 * One process decodes images while another one's run is on the GPU: twice the images of a single
 * one (docs/benchmarks.md). Each takes 0.7 GB of the GPU's memory, so more are for who has it to say.
 */
const GPU_ENGINES = 2

/**
 * Starts engines for a version as the settings say; what becomes of them is told to `observe`, and of
 * those that end by themselves to `onCrash`, by the version's digest.
 */
export function poolStarter(
  settings: Settings,
  observe: DeploymentObserver,
  onCrash: (model: string, digest: string) => void = () => {},
): StartPool {
  const cores = cpuCount()
  const occupancy: Occupancy = { inflight: 0 }
  const device = settings.device === 'auto' ? visibleDevice() : settings.device
  const engines = settings.engines || (device === 'gpu' ? GPU_ENGINES : cores)
  const threadsAlone = settings.threadsAlone < 0 ? cores : settings.threadsAlone
  const memoryBytesMax = settings.engineMemoryBytesMax || Math.round(memoryBytes() * MEMORY_SHARE)
  return (local, { signal, onStep }) => {
    const tell = (event: EventOfVersion) =>
      observe({ model: local.model, version: local.version, ...event })
    const { image, output, warmup, batching } = local.manifest
    return EnginePool.start(
      {
        engines,
        threadsAlone: threadsAlone > settings.threadsPerEngine ? threadsAlone : 0,
        inflightPerEngineMax: settings.inflightPerEngineMax,
        queueLengthMax: settings.queueLengthMax,
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
            labelsCount: local.labels?.length,
            image,
            output,
            warmup,
            batching,
          },
          loadTimeoutMs: settings.loadTimeoutMs,
          runTimeoutMs: settings.runTimeoutMs,
          memoryBytesMax,
          nice: settings.engineNice,
        },
        onStep,
        observer: {
          engineStarted: (pid) => tell({ kind: 'engine.started', pid }),
          engineEnded: ({ kind: cause, ...ending }, pid, restartMs) => {
            const reason = 'reason' in ending ? ending.reason : 'closed'
            tell({ kind: 'engine.ended', pid, cause, reason, restartMs })
            // By its content: a version that replaces another in place has that one's number.
            if (cause !== 'closed') onCrash(local.model, local.digest)
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

import { setMaxListeners } from 'node:events'

import { CutoverError, type ErrorCode, messageOf } from '../domain/errors.ts'
import type { DeploymentEvent, DeploymentObserver } from '../domain/events.ts'
import type { EnginePool } from '../engine/pool.ts'
import { backoffMs } from '../lib/backoff.ts'
import { type Deferred, deferred } from '../lib/deferred.ts'
import type {
  Aspired,
  LocalVersion,
  PendingVersion,
  Source,
  SourceStatus,
} from '../registry/source.ts'
import type { ModelRoutes, RouteTable } from './route-table.ts'
import { Servable } from './servable.ts'
import { keyOf, type LoadingStep, type Pulled, VersionEntry } from './version-entry.ts'
import { type Action, nextAction } from './version-policy.ts'

const RETRY_BACKOFF = { firstMs: 1_000, maxMs: 60_000 }

/** Failures that lie in the version: trying the same bytes again gives the same answer. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'MANIFEST_INVALID',
  'VERSION_CORRUPT',
  'VERSION_INCOMPLETE',
  'FORMAT_UNSUPPORTED',
  'MODEL_UNLOADABLE',
  'ENGINE_TIMEOUT',
])
/** A process that dies while loading may have been a victim; one that does so twice is the cause. */
const CRASHES_TO_REJECT = 2

type EngineStep = { readonly index: number; readonly count: number }

/** Starts the engines of a version; rejects with no process left when it does not load. */
export type StartPool = (
  local: LocalVersion,
  options: {
    readonly signal: AbortSignal
    readonly onStep: (step: LoadingStep, engine: EngineStep) => void
  },
) => Promise<EnginePool>

export interface ManagerOptions {
  readonly source: Source
  readonly startPool: StartPool
  readonly observe: DeploymentObserver
  readonly versionsLoadedMax: number
  readonly modelsMax: number
  readonly drainTimeoutMs: number
}

interface ModelEntry {
  readonly versions: Map<string, VersionEntry>
  stable: VersionEntry | undefined
}

export interface VersionStatus {
  readonly version: number
  readonly entry: VersionEntry
  readonly stable: boolean
}

/**
 * Moves what is loaded towards what the source aspires to, and keeps the route table.
 *
 * Guarantees: a version is routed only after all its engines have loaded and warmed it; the one
 * it replaces is unloaded only after it is out of the table and its loans are returned; while
 * anything is served, versions load one at a time; a model that has been served stays served
 * until something else of it can be, whatever happens to the registry.
 */
export class Manager {
  readonly #options: ManagerOptions
  readonly #models = new Map<string, ModelEntry>()
  readonly #closing = new AbortController()
  readonly #settled: Deferred<void> = deferred()
  /** Loads and retirements under way. */
  readonly #work = new Set<Promise<void>>()
  #pending: readonly PendingVersion[] = []
  #table: RouteTable = new Map()
  #loads = 0

  constructor(options: ManagerOptions) {
    this.#options = options
    setMaxListeners(0, this.#closing.signal)
  }

  get table(): RouteTable {
    return this.#table
  }

  /** Versions that the source sees coming but cannot offer yet. */
  get pending(): readonly PendingVersion[] {
    return this.#pending
  }

  /** Resolves when everything the source offered first is loaded or has failed. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  get source(): SourceStatus {
    return this.#options.source.status
  }

  /** The registry may have changed: look soon. */
  hint(): void {
    this.#options.source.hint()
  }

  models(): Map<string, VersionStatus[]> {
    return new Map(
      [...this.#models].map(([name, { versions, stable }]) => [
        name,
        [...versions.values()]
          .map((entry) => ({ version: entry.source.version, entry, stable: entry === stable }))
          .sort((a, b) => a.version - b.version),
      ]),
    )
  }

  async start(): Promise<void> {
    await this.#options.source.start((aspired) => this.#aspire(aspired))
  }

  /** Stops loading and ends every engine. The gateway has finished its requests before. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#options.source.close()
    const entries = [...this.#models.values()].flatMap(({ versions }) => [...versions.values()])
    for (const { state } of entries) if (state.kind === 'retrying') clearTimeout(state.timer)
    await Promise.allSettled(this.#work)
    await Promise.all(
      entries.flatMap(({ state }) => (state.kind === 'ready' ? [state.servable.retire(0)] : [])),
    )
  }

  #aspire({ models, pending }: Aspired): void {
    this.#pending = pending
    for (const [name, model] of this.#models) {
      const keys = new Set((models.get(name) ?? []).map(keyOf))
      for (const entry of model.versions.values()) entry.aspired = keys.has(entry.key)
    }
    for (const [name, versions] of models) {
      const model = this.#modelEntry(name)
      if (model === undefined) continue
      for (const version of versions) {
        const key = keyOf(version)
        if (model.versions.has(key)) continue
        model.versions.set(key, new VersionEntry(version))
        this.#tell({ kind: 'version.found', model: name, version: version.version })
      }
    }
    this.#reconcileAll()
  }

  #modelEntry(name: string): ModelEntry | undefined {
    const known = this.#models.get(name)
    if (known !== undefined || this.#models.size >= this.#options.modelsMax) return known
    const model: ModelEntry = { versions: new Map(), stable: undefined }
    this.#models.set(name, model)
    return model
  }

  #reconcileAll(): void {
    for (const [name, model] of this.#models) this.#reconcile(name, model)
    if (this.#loads === 0) this.#settled.resolve()
  }

  /** Performs actions until the policy has none, or the next one is a load that must wait. */
  #reconcile(name: string, model: ModelEntry): void {
    while (!this.#closing.signal.aborted) {
      const action = nextAction({
        versions: [...model.versions.values()].map(({ view }) => view),
        stable: model.stable?.key,
        loadedMax: this.#options.versionsLoadedMax,
      })
      if (action === undefined || !this.#perform(name, model, action)) break
    }
    if (model.versions.size === 0) this.#models.delete(name)
  }

  #perform(name: string, model: ModelEntry, action: Action): boolean {
    const entry = model.versions.get(action.key)
    if (entry === undefined) throw new CutoverError('INTERNAL', `no version ${action.key}`)
    switch (action.kind) {
      case 'load':
        if (this.#loads > 0) return false
        this.#loads++
        this.#track(this.#load(name, entry))
        return true
      case 'route':
        this.#route(name, model, entry)
        return true
      case 'drain':
        this.#track(this.#drain(name, model, entry))
        return true
      case 'cancel':
        if (entry.state.kind === 'loading') entry.state.cancel.abort()
        // It leaves `loading` when its processes are gone; what is to follow waits for that.
        return false
      case 'forget':
        if (entry.state.kind === 'retrying') clearTimeout(entry.state.timer)
        model.versions.delete(entry.key)
        return true
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => {
      this.#work.delete(tracked)
      if (!this.#closing.signal.aborted) this.#reconcileAll()
    })
    this.#work.add(tracked)
  }

  async #load(model: string, entry: VersionEntry): Promise<void> {
    const { version } = entry.source
    const cancel = new AbortController()
    const signal = AbortSignal.any([cancel.signal, this.#closing.signal])
    const onStep = (step: LoadingStep, engine?: EngineStep, pulled?: Pulled) => {
      entry.step(step, pulled)
      this.#tell({ kind: 'version.step', model, version, step, engine, pulled })
    }
    entry.become({ kind: 'loading', step: 'verifying', cancel })
    this.#tell({ kind: 'version.loading', model, version })
    const startedAt = performance.now()
    let local: LocalVersion | undefined
    try {
      onStep('verifying')
      local = await entry.source.materialize(signal, (bytesDone, bytesTotal) =>
        onStep('pulling', undefined, { bytesDone, bytesTotal }),
      )
      const pool = await this.#options.startPool(local, { signal, onStep })
      entry.become({ kind: 'ready', servable: new Servable(local, pool) })
      const loaded = this.#models.get(model)
      if (loaded !== undefined) this.#updateTable(model, loaded)
      const tookMs = performance.now() - startedAt
      this.#tell({
        kind: 'version.ready',
        model,
        version,
        tookMs,
        notice: pool.info.warmupSkipped,
      })
    } catch (error) {
      await local?.release()
      this.#failed(model, entry, signal, error)
    } finally {
      this.#loads--
    }
  }

  #failed(model: string, entry: VersionEntry, signal: AbortSignal, error: unknown): void {
    const { version } = entry.source
    if (signal.aborted) {
      entry.become({ kind: 'new' })
      this.#tell({ kind: 'version.cancelled', model, version })
      return
    }
    const code = error instanceof CutoverError ? error.code : 'INTERNAL'
    const reason = messageOf(error)
    entry.failures++
    const crashed = code === 'ENGINE_CRASHED' && entry.failures >= CRASHES_TO_REJECT
    if (FINAL.has(code) || crashed) {
      entry.become({ kind: 'rejected', code, reason })
      this.#tell({ kind: 'version.rejected', model, version, code, reason })
      return
    }
    const delayMs = backoffMs(entry.failures, RETRY_BACKOFF)
    const timer = setTimeout(() => {
      entry.become({ kind: 'new' })
      this.#reconcileAll()
    }, delayMs)
    entry.become({ kind: 'retrying', reason, timer })
    this.#tell({ kind: 'version.retrying', model, version, reason, delayMs })
  }

  #route(name: string, model: ModelEntry, entry: VersionEntry): void {
    const from = model.stable?.source.version
    model.stable = entry
    this.#updateTable(name, model)
    this.#tell({ kind: 'version.promoted', model: name, version: entry.source.version, from })
  }

  async #drain(name: string, model: ModelEntry, entry: VersionEntry): Promise<void> {
    if (entry.state.kind !== 'ready') return
    const { servable } = entry.state
    const { version } = entry.source
    entry.become({ kind: 'draining', servable })
    this.#updateTable(name, model)
    this.#tell({ kind: 'version.draining', model: name, version })
    const leasesLeft = await servable.retire(this.#options.drainTimeoutMs)
    entry.become({ kind: 'new' })
    this.#tell({ kind: 'version.unloaded', model: name, version, leasesLeft })
  }

  #updateTable(name: string, { stable, versions }: ModelEntry): void {
    if (stable?.state.kind !== 'ready') return
    const ready = [...versions.values()].flatMap(({ state, source }) =>
      state.kind === 'ready' ? [[source.version, state.servable] as const] : [],
    )
    const routes: ModelRoutes = {
      stable: stable.state.servable,
      // Where a version was replaced in place, two have its number: the stable one answers.
      versions: new Map([...ready, [stable.source.version, stable.state.servable]]),
    }
    this.#table = new Map([...this.#table, [name, routes]])
  }

  #tell(event: DeploymentEvent): void {
    this.#options.observe(event)
  }
}

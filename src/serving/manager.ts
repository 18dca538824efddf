import { setMaxListeners } from 'node:events'

import { CutoverError, type ErrorCode, messageOf } from '../domain/errors.ts'
import type { DeploymentEvent, DeploymentObserver } from '../domain/events.ts'
import type { RolloutPolicy } from '../domain/rollout-policy.ts'
import type { VersionRef } from '../domain/rollout.ts'
import { EngineGone } from '../engine/engine-child.ts'
import type { EnginePool } from '../engine/pool.ts'
import { backoffMs } from '../lib/backoff.ts'
import { type Deferred, deferred } from '../lib/deferred.ts'
import { type Problems, tellNew } from '../registry/problems.ts'
import type {
  Aspired,
  LocalVersion,
  PendingVersion,
  RegistryProblem,
  Source,
  SourceStatus,
} from '../registry/source.ts'
import type { ModelRoutes, RouteTable, Stickiness } from './route-table.ts'
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
/**
 * A process that dies while loading may have been a victim; one that does so twice is the cause. Where
 * others ended it, or it could not be started, nothing is known of the version.
 */
const CRASHES_TO_REJECT = 2

const NAMES_TOLD_MAX = 10

type EngineStep = { readonly index: number; readonly count: number }

/** Starts the engines of a version; rejects with no process left when it does not load. */
export type StartPool = (
  local: LocalVersion,
  options: {
    readonly signal: AbortSignal
    readonly onStep: (step: LoadingStep, engine: EngineStep) => void
  },
) => Promise<EnginePool>

/** What a model's rollout wants. */
export interface ModelRouting {
  /** Null: nothing was ever served. */
  readonly stable: VersionRef | null
  readonly canary: TrafficShare | null
  readonly shadow: TrafficShare | null
  /** Versions that stay loaded, or are to be, the most needed first. */
  readonly keep: readonly VersionRef[]
}

interface TrafficShare extends VersionRef {
  readonly trial: string
  readonly weight: number
}

/** Who decides which version takes the traffic. */
export interface RolloutHooks {
  /** Called before anything of a model is loaded; `route` is called before it resolves. */
  open(model: string): Promise<void>
  /** Nothing of the model is there any more. */
  forget(model: string): Promise<void>
  /** A version of the model became ready, failed, came or went. */
  changed(model: string): void
  isQuarantined(model: string, digest: string): boolean
  /** The one version that is to be served, if a person chose one. */
  pinOf(model: string): number | undefined
  stickinessOf(model: string): Stickiness | undefined
}

/** A version as a rollout sees it. */
export interface VersionInfo extends Omit<VersionRef, 'digest'> {
  /** Null until it was read once. */
  readonly digest: string | null
  readonly aspired: boolean
  readonly status: 'pending' | 'loading' | 'ready' | 'rejected'
}

export interface ManagerOptions {
  readonly source: Source
  readonly rollouts: RolloutHooks
  readonly startPool: StartPool
  readonly observe: DeploymentObserver
  /** What an operator is to know of, and nothing waits for. */
  readonly onProblem: (problem: RegistryProblem) => void
  readonly versionsLoadedMax: number
  readonly modelsMax: number
  readonly drainTimeoutMs: number
}

interface ModelEntry {
  readonly versions: Map<string, VersionEntry>
  /** Takes the traffic now. */
  stable: VersionEntry | undefined
  /** Undefined until its rollout is known. */
  routing: ModelRouting | undefined
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
  #aspired: Aspired = { models: new Map(), pending: [], policies: new Map(), problems: [] }
  /** What the registry holds and there is no room for. */
  #problems: Problems = new Map()
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
    return this.#aspired.pending
  }

  /** Resolves when everything the source offered first is loaded or has failed. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  get source(): SourceStatus {
    const { status } = this.#options.source
    return { ...status, problems: [...status.problems, ...this.#problems.values()] }
  }

  /** Looks at the registry; resolves when what it holds is known, not when it is loaded. */
  look(): Promise<void> {
    return this.#options.source.look()
  }

  /** The registry may have changed: look soon. */
  hint(): void {
    this.#options.source.hint()
  }

  models(): Map<string, VersionStatus[]> {
    return new Map([...this.#models.keys()].map((model) => [model, this.statusesOf(model)]))
  }

  /** Every version that is known, in ascending order; of an unknown model none. */
  statusesOf(model: string): VersionStatus[] {
    const { versions, stable } = this.#models.get(model) ?? {}
    return [...(versions?.values() ?? [])]
      .map((entry) => ({ version: entry.source.version, entry, stable: entry === stable }))
      .sort((a, b) => a.version - b.version)
  }

  /** What the registry says of a model's rollouts; undefined: nothing. */
  policyOf(model: string): RolloutPolicy | undefined {
    return this.#aspired.policies.get(model)
  }

  versionsOf(model: string): VersionInfo[] {
    const entries = [...(this.#models.get(model)?.versions.values() ?? [])]
    const known = entries.map(({ source, digest = null, aspired, state }): VersionInfo => ({
      version: source.version,
      digest,
      aspired,
      status: state.kind === 'ready' || state.kind === 'rejected' ? state.kind : 'loading',
    }))
    const pending = this.#aspired.pending.flatMap((each): VersionInfo[] => {
      const isKnown = known.some(({ version }) => version === each.version)
      if (each.model !== model || isKnown) return []
      return [{ version: each.version, digest: null, aspired: false, status: 'pending' }]
    })
    return [...known, ...pending]
  }

  /** Makes the routes of a model what its rollout wants, as far as the versions are ready. */
  route(name: string, routing: ModelRouting): void {
    const model = this.#models.get(name)
    if (model === undefined || this.#closing.signal.aborted) return
    model.routing = routing
    this.#updateRoutes(name, model)
    this.#reconcile(name, model)
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
      entries.flatMap(({ state }) =>
        state.kind === 'ready' ? [this.#retire(state.servable, 0)] : [],
      ),
    )
  }

  #aspire(aspired: Aspired): void {
    this.#aspired = aspired
    for (const [name, model] of this.#models) {
      const keys = new Set((aspired.models.get(name) ?? []).map(keyOf))
      for (const entry of model.versions.values()) entry.aspired = keys.has(entry.key)
    }
    this.#takeUp()
    this.#reconcileAll()
    for (const name of this.#models.keys()) this.#options.rollouts.changed(name)
  }

  /** Takes up what is aspired and not known yet, as far as there is room. */
  #takeUp(): void {
    const { modelsMax, source, onProblem } = this.#options
    const leftOut: string[] = []
    for (const [name, versions] of this.#aspired.models) {
      if (versions.length === 0) continue
      const known = this.#models.get(name)
      if (known === undefined && this.#models.size >= modelsMax) {
        leftOut.push(name)
        continue
      }
      const model: ModelEntry = known ?? {
        versions: new Map(),
        stable: undefined,
        routing: undefined,
      }
      for (const version of versions) {
        const key = keyOf(version)
        if (model.versions.has(key)) continue
        model.versions.set(key, new VersionEntry(version))
        this.#tell({ kind: 'version.found', model: name, version: version.version })
      }
      if (known !== undefined) continue
      this.#models.set(name, model)
      this.#track(this.#options.rollouts.open(name))
    }
    const problems =
      leftOut.length === 0 ? [] : [beyond(modelsMax, leftOut, source.status.location)]
    this.#problems = tellNew(problems, this.#problems, onProblem)
  }

  #reconcileAll(): void {
    for (const [name, model] of this.#models) this.#reconcile(name, model)
    const isOpening = [...this.#models.values()].some(({ routing }) => routing === undefined)
    if (this.#loads === 0 && !isOpening) this.#settled.resolve()
  }

  /** Performs actions until the policy has none, or the next one is a load that must wait. */
  #reconcile(name: string, model: ModelEntry): void {
    while (!this.#closing.signal.aborted && model.routing !== undefined) {
      const entries = [...model.versions.values()]
      const pin = this.#options.rollouts.pinOf(name)
      const action = nextAction({
        versions: entries.map((entry) => entry.view(this.#isRefused(name, entry))),
        needed: neededOf(model, model.routing, pin),
        // Beside a pinned version nothing waits for its turn.
        loadedMax: pin === undefined ? this.#options.versionsLoadedMax : 0,
      })
      if (action === undefined || !this.#perform(name, model, action)) break
    }
    if (model.versions.size === 0 && this.#models.delete(name)) {
      this.#track(this.#forget(name))
    }
  }

  /** Another model may have waited for the room. */
  async #forget(name: string): Promise<void> {
    await this.#options.rollouts.forget(name)
    if (!this.#closing.signal.aborted) this.#takeUp()
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
      entry.digest = local.digest
      if (this.#isRefused(model, entry)) throw quarantined(model, version)
      const pool = await this.#options.startPool(local, { signal, onStep })
      entry.become({ kind: 'ready', servable: new Servable(local, pool) })
      entry.failures = 0
      entry.crashes = 0
      const loaded = this.#models.get(model)
      if (loaded !== undefined) this.#updateRoutes(model, loaded)
      const tookMs = performance.now() - startedAt
      this.#tell({
        kind: 'version.ready',
        model,
        version,
        tookMs,
        notice: pool.info.notice,
      })
    } catch (error) {
      if (local !== undefined) await this.#release(local)
      this.#failed(model, entry, signal, error)
    } finally {
      this.#loads--
      this.#options.rollouts.changed(model)
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
    if (code === 'QUARANTINED') {
      entry.become({ kind: 'new' })
      this.#tell({ kind: 'version.rejected', model, version, code, reason })
      return
    }
    entry.failures++
    const byOutsider = error instanceof EngineGone && error.byOutsider
    if (code === 'ENGINE_CRASHED' && !byOutsider) entry.crashes++
    if (FINAL.has(code) || entry.crashes >= CRASHES_TO_REJECT) {
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

  async #drain(name: string, model: ModelEntry, entry: VersionEntry): Promise<void> {
    if (entry.state.kind !== 'ready') return
    const { servable } = entry.state
    const { version } = entry.source
    entry.become({ kind: 'draining', servable })
    this.#updateRoutes(name, model)
    this.#tell({ kind: 'version.draining', model: name, version })
    const leasesLeft = await this.#retire(servable, this.#options.drainTimeoutMs)
    entry.become({ kind: 'new' })
    this.#tell({ kind: 'version.unloaded', model: name, version, leasesLeft })
  }

  async #retire(servable: Servable, timeoutMs: number): Promise<number> {
    const leasesLeft = await servable.retire(timeoutMs)
    await this.#release(servable.local)
    return leasesLeft
  }

  /** Never rejects: a copy that stays behind is swept when the next server starts. */
  async #release(local: LocalVersion): Promise<void> {
    try {
      await local.release()
    } catch (error) {
      const reason = `this copy of a version cannot be removed: ${messageOf(error)}`
      this.#options.onProblem({ path: local.dir, reason })
    }
  }

  #isRefused(model: string, { digest }: VersionEntry): boolean {
    return digest !== undefined && this.#options.rollouts.isQuarantined(model, digest)
  }

  /** Brings the table to what is wanted; until the wanted stable version is ready, the last stays. */
  #updateRoutes(name: string, model: ModelEntry): void {
    const { versions, routing } = model
    if (routing === undefined) return
    const stickiness = this.#options.rollouts.stickinessOf(name)
    const wanted = readyEntry(model, routing.stable)
    if (wanted !== undefined && wanted.entry !== model.stable) {
      const from = model.stable?.source.version
      model.stable = wanted.entry
      const { version } = wanted.entry.source
      this.#tell({ kind: 'version.promoted', model: name, version, from })
    }
    if (model.stable?.state.kind !== 'ready') return
    const stable = model.stable.state.servable
    const share = (traffic: TrafficShare | null) => {
      const servable = readyEntry(model, traffic)?.servable
      return traffic === null || servable === undefined
        ? undefined
        : { servable, weight: traffic.weight, trial: traffic.trial, stickiness }
    }
    const ready = [...versions.values()].flatMap(({ state, source }) =>
      state.kind === 'ready' ? [[source.version, state.servable] as const] : [],
    )
    const routes: ModelRoutes = {
      stable,
      canary: share(routing.canary),
      shadow: share(routing.shadow),
      // Where a version was replaced in place, two have its number: the stable one answers.
      versions: new Map([...ready, [stable.version, stable]]),
    }
    this.#table = new Map(this.#table).set(name, routes)
  }

  #tell(event: DeploymentEvent): void {
    this.#options.observe(event)
  }
}

/** The entries that the routes need, by their digests, or by number while those are not known. */
function neededOf(
  { versions, stable }: ModelEntry,
  { keep }: ModelRouting,
  pin: number | undefined,
): string[] {
  const entries = [...versions.values()]
  const kept = keep.flatMap((ref) =>
    entries.filter(({ source, digest }) =>
      digest === undefined ? source.version === ref.version : digest === ref.digest,
    ),
  )
  const pinned = entries.filter(({ source, aspired }) => aspired && source.version === pin)
  // What takes the traffic now stays until something else has taken it.
  return [...(stable === undefined ? [] : [stable]), ...kept, ...pinned].map(({ key }) => key)
}

function readyEntry({ versions }: ModelEntry, ref: VersionRef | null) {
  for (const entry of versions.values()) {
    const { state, digest } = entry
    if (state.kind === 'ready' && digest === ref?.digest) return { entry, servable: state.servable }
  }
  return undefined
}

function beyond(modelsMax: number, leftOut: readonly string[], path: string): RegistryProblem {
  const names = leftOut.slice(0, NAMES_TOLD_MAX).join(', ')
  const more = leftOut.length > NAMES_TOLD_MAX ? ', …' : ''
  const reason = `of more than ${modelsMax} models (modelsMax) these are not served: ${names}${more}`
  return { path, reason }
}

function quarantined(model: string, version: number): CutoverError {
  return new CutoverError(
    'QUARANTINED',
    `it is in quarantine: cutover retry ${model} ${version} clears it`,
  )
}

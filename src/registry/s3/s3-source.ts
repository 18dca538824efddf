import { messageOf } from '../../domain/errors.ts'
import type { RolloutPolicy } from '../../domain/rollout-policy.ts'
import { backoffMs } from '../../lib/backoff.ts'
import { RepeatedTask } from '../../lib/repeated-task.ts'
import { POLICY_BYTES_MAX, POLICY_FILE } from '../../wire/policy.ts'
import { modelsOf } from '../models-of.ts'
import { Policies, type PolicyFile } from '../policies.ts'
import { type Problems, tellNew } from '../problems.ts'
import type { Aspired, RegistryProblem, Source, SourceStatus } from '../source.ts'
import { type Catalogue, catalogueOf, type ListedVersion, signatureOf } from './catalogue.ts'
import type { Listing } from './listing.ts'
import { S3Version, type S3VersionOptions } from './s3-version.ts'

/** Who wants a look waits for as long: however many do, there is not more than one in so long. */
const LOOK_DELAY_MS = 500
/** Hints come in swarms: one look serves all that come within this time. */
const HINT_DELAY_MS = 20
const OUTAGE_POLL_MS_MAX = 60_000
/** Versions whose bytes were wrong are tried again, in case they were broken on the way. */
const RECHECK = { polls: 30, msMax: 6 * 3600 * 1000 }

export interface S3SourceOptions extends S3VersionOptions {
  readonly pollIntervalMs: number
  /** Of models that state none. */
  readonly policy: RolloutPolicy
  /** Called once per problem, and again when one that was gone is back. */
  readonly onProblem: (problem: RegistryProblem) => void
  readonly onRecovered: (location: string) => void
}

interface Offer {
  readonly version: S3Version
  /** How often bytes of this manifest were found wrong. */
  readonly refusals: number
}

/**
 * The versions in a bucket. One walk over its listing is a look; what a look shows is the truth,
 * and events are only a hint to look. While the bucket is away everything stays as it was; a
 * server that starts then offers what it served before from this disk.
 */
export class S3Source implements Source {
  readonly #options: S3SourceOptions
  readonly #closing = new AbortController()
  readonly #policies: Policies
  #listener: (aspired: Aspired) => void = () => {}
  #seen: { readonly listing: Listing; readonly catalogue: Catalogue } | undefined
  #offers = new Map<string, Offer>()
  #emitted = ''
  #problems: Problems = new Map()
  #unavailable: string | undefined
  #lastSuccessAt: Date | undefined
  #failures = 0
  /** A hint that comes during a look arranges the next one. */
  readonly #looks = new RepeatedTask(() => this.#look())

  constructor(options: S3SourceOptions) {
    this.#options = options
    this.#policies = new Policies(options.policy)
  }

  get status(): SourceStatus {
    return {
      location: this.#options.bucket.location.url,
      lastSuccessAt: this.#lastSuccessAt,
      unavailable: this.#unavailable,
      problems: [...this.#problems.values()],
    }
  }

  /** Does not throw: a bucket that cannot be read now may be read later. */
  async start(listener: (aspired: Aspired) => void): Promise<void> {
    this.#listener = listener
    await this.#options.saved.load()
    await this.#looks.run()
  }

  look(): Promise<void> {
    return this.#looks.next(LOOK_DELAY_MS)
  }

  hint(): void {
    this.#looks.runIn(HINT_DELAY_MS)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#looks.close()
    this.#options.bucket.close()
    await this.#options.cache.close()
  }

  async #look(): Promise<void> {
    try {
      await this.#read(this.#closing.signal)
      this.#failures = 0
    } catch (error) {
      if (this.#closing.signal.aborted) return
      this.#failures++
      this.#unavailable = messageOf(error)
      if (this.#seen === undefined && this.#failures === 1) await this.#offerSaved()
      this.#emit()
    }
    const firstMs = this.#options.pollIntervalMs
    const maxMs = Math.max(firstMs, OUTAGE_POLL_MS_MAX)
    // Spread: many servers that started together do not ask together for ever.
    this.#looks.runIn(backoffMs(Math.max(1, this.#failures), { firstMs, maxMs }))
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { bucket, saved, onRecovered } = this.#options
    const before = this.#seen
    const listing = await bucket.list('', signal, before?.listing)
    const seen =
      listing === before?.listing
        ? before
        : { listing, catalogue: catalogueOf(listing, bucket.location) }
    const changed = await this.#policies.update(this.#policyFiles(seen.catalogue, signal))
    signal.throwIfAborted()
    if (changed) await saved.savePolicies(this.#policies.texts)
    if (seen !== before || this.#mayRecheck()) this.#offers = this.#offersOf(seen.catalogue)
    if (seen !== before) await saved.retain((version) => this.#offers.has(keyOf(version)))
    const wasAway = this.#unavailable !== undefined
    // Only now: what failed half-way is done again by the next look.
    this.#seen = seen
    this.#unavailable = undefined
    this.#lastSuccessAt = new Date()
    if (wasAway) onRecovered(bucket.location.url)
    this.#emit()
  }

  /** What was served from this disk, as far as its files are still there. */
  async #offerSaved(): Promise<void> {
    const { saved, pull } = this.#options
    this.#policies.restore(saved.policies)
    for (const { manifest, ...identity } of saved.all()) {
      const held = manifest.files.map(({ sha256 }) => pull.blobs.has(sha256).catch(() => false))
      if ((await Promise.all(held)).includes(false)) continue
      const version = new S3Version({ ...identity, files: undefined }, this.#options)
      this.#offers.set(keyOf(version), { version, refusals: 0 })
    }
  }

  #policyFiles({ policies }: Catalogue, signal: AbortSignal): PolicyFile[] {
    const { bucket } = this.#options
    return [...policies].map(([model, { etag, bytes }]) => ({
      model,
      path: `${bucket.location.url}/${model}/${POLICY_FILE}`,
      state: etag,
      bytes,
      read: async () => {
        const options = { bytesMax: POLICY_BYTES_MAX }
        const found = await bucket.get(`${model}/${POLICY_FILE}`, signal, options)
        return found === undefined || found === 'changed' ? undefined : found.body
      },
    }))
  }

  #mayRecheck(): boolean {
    return [...this.#offers.values()].some(({ version }) => version.refusal !== undefined)
  }

  #offersOf({ versions }: Catalogue): Map<string, Offer> {
    return new Map(
      versions.map((listed) => {
        const key = keyOf(listed)
        return [key, this.#offerOf(listed, this.#offers.get(key))]
      }),
    )
  }

  /** A version once offered stays the same one until its manifest is another. */
  #offerOf(listed: ListedVersion, before: Offer | undefined): Offer {
    const { model, version, manifest, files } = listed
    const { etag } = manifest
    if (before?.version.etag !== etag) {
      const fingerprint = this.#options.saved.get(model, version, etag)?.fingerprint ?? etag
      const state = { model, version, fingerprint, etag, files }
      return { version: new S3Version(state, this.#options), refusals: 0 }
    }
    before.version.relist(files)
    const { refusal } = before.version
    if (refusal === undefined) return before
    // Its bytes were wrong: they may be others by now, or be read rightly this time.
    const isOther = refusal.files !== undefined && signatureOf(refusal.files) !== signatureOf(files)
    const recheckMs = this.#options.pollIntervalMs * RECHECK.polls * 2 ** before.refusals
    const isDue = performance.now() - refusal.atMs >= Math.min(recheckMs, RECHECK.msMax)
    if (!isOther && !isDue) return before
    const refusals = before.refusals + 1
    const state = { model, version, fingerprint: `${etag}#${refusals}`, etag, files }
    return { version: new S3Version(state, this.#options), refusals }
  }

  #emit(): void {
    const { url } = this.#options.bucket.location
    const away = this.#unavailable
    const versions = [...this.#offers.values()].map(({ version }) => version)
    const models = this.#policies.admit(modelsOf(versions))
    const problems = [
      ...(away === undefined ? [] : [{ path: url, reason: away }]),
      ...(this.#seen?.catalogue.problems ?? []),
      ...this.#policies.problems,
    ]
    this.#problems = tellNew(problems, this.#problems, this.#options.onProblem)
    const pending = this.#seen?.catalogue.pending ?? []
    const offered = [...models.values()].flat()
    const identities = offered.map(({ model, version, fingerprint }) => [
      model,
      version,
      fingerprint,
    ])
    const text = JSON.stringify([identities, pending, [...this.#policies.texts]])
    if (text === this.#emitted) return
    this.#emitted = text
    this.#listener({ models, pending, policies: this.#policies.all, problems })
  }
}

function keyOf({ model, version }: { model: string; version: number }): string {
  return `${model}/${version}`
}

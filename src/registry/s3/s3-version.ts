import { CutoverError, type ErrorCode } from '../../domain/errors.ts'
import type { Manifest } from '../../domain/manifest.ts'
import { MANIFEST_BYTES_MAX, MANIFEST_FILE, parseManifest } from '../../wire/manifest.ts'
import type { CacheDir } from '../cache-dir.ts'
import { checkFiles, checkIdentity } from '../manifest-checks.ts'
import { materialize } from '../materialize.ts'
import type { AspiredVersion, LocalVersion, OnProgress } from '../source.ts'
import type { S3Bucket } from './bucket.ts'
import type { ListedObjects } from './catalogue.ts'
import { type PullOptions, pullVersion } from './pull-version.ts'
import type { SavedVersions } from './saved-versions.ts'

/** What may have been broken on the way, or be put right without a new manifest. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'MANIFEST_INVALID',
  'VERSION_CORRUPT',
  'VERSION_INCOMPLETE',
])

export interface S3VersionOptions {
  readonly bucket: S3Bucket
  readonly cache: CacheDir
  readonly saved: SavedVersions
  readonly pull: PullOptions
}

export interface S3VersionState {
  readonly model: string
  readonly version: number
  readonly fingerprint: string
  /** Of its manifest. */
  readonly etag: string
  /** Undefined: they could not be listed. */
  readonly files: ListedObjects | undefined
}

interface Refusal {
  /** By the clock of performance.now(). */
  readonly atMs: number
  /** What it had been listed with. */
  readonly files: ListedObjects | undefined
}

/** A version in a bucket, told from others of its number by the ETag of its manifest. */
export class S3Version implements AspiredVersion {
  readonly model: string
  readonly version: number
  readonly fingerprint: string
  readonly etag: string
  readonly #options: S3VersionOptions
  #files: ListedObjects | undefined
  #refusal: Refusal | undefined

  constructor(state: S3VersionState, options: S3VersionOptions) {
    this.model = state.model
    this.version = state.version
    this.fingerprint = state.fingerprint
    this.etag = state.etag
    this.#options = options
    this.#files = state.files
  }

  /** When its bytes were found wrong last. */
  get refusal(): Refusal | undefined {
    return this.#refusal
  }

  /**
   * Takes the objects as they are listed now: the same bytes written again have another ETag, and
   * those that are asked for by the old one are not there any more.
   */
  relist(files: ListedObjects): void {
    this.#files = files
  }

  async materialize(signal: AbortSignal, onProgress?: OnProgress): Promise<LocalVersion> {
    const files = this.#files
    try {
      return await this.#materialize(files, signal, onProgress)
    } catch (error) {
      const isRefusal = error instanceof CutoverError && PASSING.has(error.code)
      if (isRefusal) this.#refusal = { atMs: performance.now(), files }
      throw error
    }
  }

  async #materialize(
    files: ListedObjects | undefined,
    signal: AbortSignal,
    onProgress?: OnProgress,
  ): Promise<LocalVersion> {
    const { model, version, etag, fingerprint } = this
    const { bucket, cache, saved, pull } = this.#options
    const manifest = await this.#manifest(signal)
    checkIdentity(manifest, this)
    if (files !== undefined) checkFiles(manifest, files)
    const origin = {
      url: (file: string) => bucket.presign(this.#keyOf(file)),
      etag: (file: string) => files?.get(file)?.etag ?? '',
    }
    const write = (to: string) => pullVersion(manifest, to, origin, pull, signal, onProgress)
    const released = async () => {
      for (const { sha256 } of manifest.files) await pull.blobs.touch(sha256)
    }
    const content = { model, version, manifest, write, released }
    const local = await materialize(content, { cache, bytesMax: pull.bytesMax, signal })
    await saved.save({ model, version, fingerprint, etag, manifest }).catch(async (error) => {
      await local.release().catch(() => undefined)
      throw error
    })
    return local
  }

  async #manifest(signal: AbortSignal): Promise<Manifest> {
    const { model, version, etag } = this
    const saved = this.#options.saved.get(model, version, etag)
    if (saved !== undefined) return saved.manifest
    const options = { bytesMax: MANIFEST_BYTES_MAX, ifMatch: etag === '' ? undefined : etag }
    const found = await this.#options.bucket.get(this.#keyOf(MANIFEST_FILE), signal, options)
    if (found === undefined || found === 'changed') {
      const what = found === undefined ? 'is gone' : 'was replaced'
      const sentence = `${MANIFEST_FILE} ${what} since the bucket was listed`
      throw new CutoverError('REGISTRY_UNAVAILABLE', sentence)
    }
    return parseManifest(found.body)
  }

  #keyOf(file: string): string {
    return `${this.model}/${this.version}/${file}`
  }
}

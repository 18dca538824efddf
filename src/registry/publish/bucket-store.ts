import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'

import pLimit from 'p-limit'

import { CutoverError } from '../../domain/errors.ts'
import type { Manifest, ManifestFile } from '../../domain/manifest.ts'
import { digestOf, MANIFEST_BYTES_MAX, MANIFEST_FILE, parseManifest } from '../../wire/manifest.ts'
import type { Settings } from '../../wire/settings.ts'
import { ControlBucket } from '../control/control-bucket.ts'
import { S3Bucket } from '../s3/bucket.ts'
import { catalogueOf, type ListedFiles } from '../s3/catalogue.ts'
import { createS3Client } from '../s3/client.ts'
import type { S3Location } from '../s3/location.ts'
import { retrying } from '../s3/retrying.ts'
import { type FileHash, hashOf } from './chunks.ts'
import { type Draft, openUnchanged } from './draft.ts'
import { manifestText } from './manifest-text.ts'
import {
  inOrder,
  type Publication,
  type PublishOptions,
  type RegistryStore,
  type StoredVersion,
  type Survey,
} from './registry-store.ts'

const FILES_AT_ONCE = 4
/** Tells two publications of the same files apart. */
const PUBLICATION = 'cutover.publication'

export function openBucketStore(location: S3Location, settings: Settings): RegistryStore {
  const client = createS3Client({
    pathStyle: settings.s3PathStyle,
    connectTimeoutMs: settings.s3ConnectTimeoutMs,
    stallTimeoutMs: settings.s3StallTimeoutMs,
  })
  const requestTimeoutMs = settings.s3RequestTimeoutMs
  return new BucketStore(new S3Bucket(client, { location, requestTimeoutMs }))
}

/**
 * A registry in a bucket. Nothing is ever written over: who finds another's bytes where its own
 * should be puts all its files below a directory named by their content. A manifest names only
 * objects that were seen to hold what it says, and is written where none is (docs/decisions/0006).
 */
class BucketStore implements RegistryStore {
  readonly location: string
  readonly #bucket: S3Bucket

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket
    this.location = bucket.location.url
  }

  async survey(signal: AbortSignal, model?: string): Promise<Survey> {
    const prefix = model === undefined ? '' : `${model}/`
    const listing = await retrying(signal, () => this.#bucket.list(prefix, signal))
    const { versions, unfinished, problems } = catalogueOf(listing, this.#bucket.location)
    const found = inOrder([
      ...versions.map((listed) => stored(listed, true)),
      ...unfinished.map((listed) => ({
        ...stored(listed, false),
        changedAtMs: newestOf(listed),
      })),
    ])
    return { versions: found, problems, isWhole: true }
  }

  async read(key: string, bytesMax: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const found = await retrying(signal, () => this.#bucket.get(key, signal, { bytesMax }))
    return found === undefined || found === 'changed' ? undefined : found.body
  }

  async readControl(model: string, signal: AbortSignal): Promise<string | undefined> {
    const control = new ControlBucket(this.#bucket)
    return (await retrying(signal, () => control.read(model, signal)))?.text
  }

  hash(key: string, signal: AbortSignal): Promise<FileHash | undefined> {
    return retrying(signal, () => hashOf(this.#bucket.open(key, signal)))
  }

  async publish(draft: Draft, options: PublishOptions): Promise<Publication> {
    const { version, signal } = options
    const dir = `${draft.manifest.model}/${version}`
    const isTaken = async () =>
      (await this.read(`${dir}/${MANIFEST_FILE}`, MANIFEST_BYTES_MAX, signal)) !== undefined
    if (await isTaken()) return { kind: 'exists' }
    const annotations = { ...draft.manifest.annotations, [PUBLICATION]: randomUUID() }
    const manifest = { ...draft.manifest, version, annotations }
    const below = draft.digest.slice(0, 16)
    // Before anything is uploaded: the longer of the two.
    manifestText(movedBelow(manifest, below))
    if (await this.#uploadAll(draft, dir, options)) return this.#commit(manifest, dir, signal)
    // Most who find another's files there find that it is done, too.
    if (await isTaken()) return { kind: 'exists' }
    if (await this.#uploadAll(draft, `${dir}/${below}`, options)) {
      return this.#commit(movedBelow(manifest, below), dir, signal)
    }
    const sentence = `${dir}/${below} holds other files than its name says: delete it`
    throw new CutoverError('REGISTRY_UNAVAILABLE', sentence)
  }

  async remove({ model, version, files }: StoredVersion, signal: AbortSignal): Promise<void> {
    const dir = `${model}/${version}`
    await this.#bucket.remove([`${dir}/${MANIFEST_FILE}`], signal)
    await this.#bucket.remove(
      [...files.keys()].map((file) => `${dir}/${file}`),
      signal,
    )
  }

  async sweep(): Promise<void> {
    // A survey shows all there is.
  }

  close(): void {
    this.#bucket.close()
  }

  /** Whether all the files lie there now, each with the bytes of the draft. */
  async #uploadAll(
    draft: Draft,
    dir: string,
    { signal, onProgress }: PublishOptions,
  ): Promise<boolean> {
    const limit = pLimit(FILES_AT_ONCE)
    const stopping = new AbortController()
    const either = AbortSignal.any([signal, stopping.signal])
    const done = new Map<string, number>()
    let isAllOurs = true
    let failure: { readonly reason: unknown } | undefined
    const one = async (file: ManifestFile) => {
      either.throwIfAborted()
      const isOurs = await this.#uploadOne(draft, file, dir, either, (bytes) => {
        done.set(file.path, bytes)
        onProgress([...done.values()].reduce((sum, bytes) => sum + bytes, 0))
      })
      if (isOurs) return
      isAllOurs = false
      stopping.abort()
    }
    const uploads = draft.manifest.files.map((file) =>
      limit(() =>
        one(file).catch((reason: unknown) => {
          // What was stopped because of another has nothing to say.
          if (!stopping.signal.aborted) failure = { reason }
          stopping.abort()
        }),
      ),
    )
    await Promise.all(uploads)
    signal.throwIfAborted()
    if (failure !== undefined) throw failure.reason
    return isAllOurs
  }

  /** Whether the object has the file's bytes now, from this publisher or another. */
  async #uploadOne(
    draft: Draft,
    file: ManifestFile,
    dir: string,
    signal: AbortSignal,
    onProgress: (bytes: number) => void,
  ): Promise<boolean> {
    const key = `${dir}/${file.path}`
    return retrying(signal, async () => {
      const found = await hashOf(this.#bucket.open(key, signal))
      if (found !== undefined) {
        onProgress(file.bytes)
        return found.sha256 === file.sha256
      }
      const body = Readable.from(openUnchanged(draft, file, signal))
      const isWritten = await this.#bucket.upload(key, body, signal, onProgress)
      onProgress(file.bytes)
      if (isWritten) return true
      return (await hashOf(this.#bucket.open(key, signal)))?.sha256 === file.sha256
    })
  }

  /** Where the answer got lost, or looks as if another was first, what lies there tells. */
  async #commit(manifest: Manifest, dir: string, signal: AbortSignal): Promise<Publication> {
    const key = `${dir}/${MANIFEST_FILE}`
    const digest = digestOf(manifest)
    const isOurs = async () => {
      const found = await this.read(key, MANIFEST_BYTES_MAX, signal)
      return found !== undefined && digestOrNone(found) === digest
    }
    const text = manifestText(manifest)
    try {
      if ((await this.#bucket.put(key, text, signal)) !== undefined || (await isOurs())) {
        return { kind: 'published', manifest }
      }
      return { kind: 'exists' }
    } catch (error) {
      signal.throwIfAborted()
      if (await isOurs().catch(() => false)) return { kind: 'published', manifest }
      throw error
    }
  }
}

function stored({ model, version, files }: ListedFiles, isComplete: boolean): StoredVersion {
  const others = [...files].filter(([path]) => path !== MANIFEST_FILE)
  const sizes = new Map(others.map(([path, { bytes }]) => [path, bytes]))
  return { model, version, hasManifest: isComplete, isComplete, files: sizes }
}

function newestOf({ files }: ListedFiles): number {
  return [...files.values()].reduce((max, file) => Math.max(max, file.modifiedAtMs), 0)
}

function movedBelow(manifest: Manifest, dir: string): Manifest {
  const moved = (file: string) => `${dir}/${file}`
  const { files, labels } = manifest
  return {
    ...manifest,
    files: files.map((file) => ({ ...file, path: moved(file.path) })),
    labels: labels === undefined ? undefined : moved(labels),
  }
}

/** Another's manifest may be anything. */
function digestOrNone(bytes: Buffer): string | undefined {
  try {
    return digestOf(parseManifest(bytes))
  } catch {
    return undefined
  }
}

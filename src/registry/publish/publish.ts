import { CutoverError } from '../../domain/errors.ts'
import type { Manifest } from '../../domain/manifest.ts'
import type { Draft } from './draft.ts'
import type { RegistryStore } from './registry-store.ts'

/** A number is taken by another publisher so often only if something is wrong. */
const TRIES_MAX = 20

export interface PublishVersionOptions {
  /** Absent: the next free one. */
  readonly version: number | undefined
  readonly signal: AbortSignal
  readonly onProgress: (bytesDone: number) => void
}

/** Publishes a draft, and resolves with its manifest. Throws VERSION_EXISTS. */
export async function publishVersion(
  store: RegistryStore,
  draft: Draft,
  { version: wanted, signal, onProgress }: PublishVersionOptions,
): Promise<Manifest> {
  const model = draft.manifest.model ?? ''
  for (let tries = 1, taken = 0; ; tries++) {
    const version = wanted ?? (await nextFree(store, model, taken, signal))
    const publication = await store.publish(draft, { version, signal, onProgress })
    if (publication.kind === 'published') return publication.manifest
    if (wanted !== undefined || tries >= TRIES_MAX) throw exists(store, model, version, tries)
    taken = version
  }
}

/**
 * The number after the newest version. One without a manifest is none in a bucket, so that an
 * interrupted publish is gone on with; in a folder it is served.
 */
async function nextFree(
  store: RegistryStore,
  model: string,
  taken: number,
  signal: AbortSignal,
): Promise<number> {
  const { versions } = await store.survey(signal, model)
  const complete = versions.filter(({ isComplete }) => isComplete)
  return 1 + Math.max(taken, ...complete.map(({ version }) => version))
}

function exists(store: RegistryStore, model: string, version: number, tries: number): CutoverError {
  const sentence =
    tries > 1
      ? `other publishers took ${tries} versions of ${model} in ${store.location}: try again`
      : `${model} version ${version} exists in ${store.location}: publish the next one`
  return new CutoverError('VERSION_EXISTS', sentence)
}

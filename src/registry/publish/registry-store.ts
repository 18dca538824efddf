import type { Manifest } from '../../domain/manifest.ts'
import type { RegistryProblem } from '../source.ts'
import type { FileHash } from './chunks.ts'
import type { Draft } from './draft.ts'

/** A version as it lies in a registry. */
export interface StoredVersion {
  readonly model: string
  readonly version: number
  readonly hasManifest: boolean
  /** Whether a server takes it for one: without a manifest it does in a folder. */
  readonly isComplete: boolean
  /** Bytes by path, the manifest aside. */
  readonly files: ReadonlyMap<string, number>
  /** Of one that is not complete: when something of it was written last; NaN: nobody knows. */
  readonly changedAtMs?: number
}

export interface Survey {
  /** In ascending order of model and version. */
  readonly versions: readonly StoredVersion[]
  /** What cannot be understood or read. */
  readonly problems: readonly RegistryProblem[]
  /** Whether all that lies there could be read: if not, versions are missing here. */
  readonly isWhole: boolean
}

/** A version that is published: what was written as its manifest. */
export type Publication =
  | { readonly kind: 'published'; readonly manifest: Manifest }
  /** Another publisher was first. */
  | { readonly kind: 'exists' }

export interface PublishOptions {
  readonly version: number
  readonly signal: AbortSignal
  /** Called with how many of the draft's bytes are in the registry. */
  readonly onProgress: (bytesDone: number) => void
}

/**
 * A registry as its publishers see it: a folder or a bucket. Every method throws
 * REGISTRY_UNAVAILABLE with a sentence when the registry cannot be read or written.
 */
export interface RegistryStore {
  readonly location: string
  /** What is there, versions without a manifest, too. Of one model: the others do not matter. */
  survey(signal: AbortSignal, model?: string): Promise<Survey>
  /** A small file; undefined when there is none. Throws MANIFEST_INVALID when it is larger. */
  read(path: string, bytesMax: number, signal: AbortSignal): Promise<Buffer | undefined>
  /** The state of a model's rollout, as servers keep it; undefined when there is none. */
  readControl(model: string, signal: AbortSignal): Promise<string | undefined>
  /** Size and digest of a file, read from its first byte to its last; undefined: there is none. */
  hash(path: string, signal: AbortSignal): Promise<FileHash | undefined>
  /**
   * Writes a version, visible to servers all at once or not at all. What an earlier try left is
   * used where its bytes are right.
   */
  publish(draft: Draft, options: PublishOptions): Promise<Publication>
  /** Deletes a version, its manifest first. */
  remove(version: StoredVersion, signal: AbortSignal): Promise<void>
  /** Deletes what interrupted removals left of a model's versions and a survey does not show. */
  sweep(model: string): Promise<void>
  close(): void
}

/** By model, then by number. */
export function inOrder(versions: readonly StoredVersion[]): StoredVersion[] {
  return [...versions].sort((a, b) => {
    if (a.model === b.model) return a.version - b.version
    return a.model < b.model ? -1 : 1
  })
}

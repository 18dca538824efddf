import type { Manifest, ModelFormat } from '../domain/manifest.ts'
import type { RolloutPolicy } from '../domain/rollout-policy.ts'

/** A version that the registry offers. */
export interface AspiredVersion {
  readonly model: string
  readonly version: number
  /** Identity of the bytes as the source sees them: when it changes, the version is another one. */
  readonly fingerprint: string
  /**
   * Makes a verified private copy. Throws VERSION_CORRUPT, VERSION_INCOMPLETE, MANIFEST_INVALID
   * or FORMAT_UNSUPPORTED when the version is at fault, anything else when the world is.
   */
  materialize(signal: AbortSignal, onProgress?: OnProgress): Promise<LocalVersion>
}

/** Called a few times a second while a version is pulled from afar. */
export type OnProgress = (bytesDone: number, bytesTotal: number) => void

/** A version that is there in part. */
export interface PendingVersion {
  readonly model: string
  readonly version: number
  /** `waiting for model.onnx (4 of 18 MB)` */
  readonly reason: string
}

/** Everything that should be loaded, now. Omission means unload. */
export interface Aspired {
  /** Of each model, its versions in ascending order. */
  readonly models: ReadonlyMap<string, readonly AspiredVersion[]>
  readonly pending: readonly PendingVersion[]
  /** Of each model that states one. */
  readonly policies: ReadonlyMap<string, RolloutPolicy>
  /** What the registry holds and cannot be understood. */
  readonly problems: readonly RegistryProblem[]
}

export interface RegistryProblem {
  readonly path: string
  readonly reason: string
}

/** How a source gets on with its registry. */
export interface SourceStatus {
  /** A folder's path, or `s3://bucket/prefix`. */
  readonly location: string
  /** When the registry was last read; undefined: not yet. */
  readonly lastSuccessAt: Date | undefined
  /** Why the registry cannot be read now; undefined: it can. */
  readonly unavailable: string | undefined
  readonly problems: readonly RegistryProblem[]
}

/** States the full set of versions that should be loaded; it never sends commands. */
export interface Source {
  readonly status: SourceStatus
  /** Resolves after the listener has had the first set; it is called again when that changes. */
  start(listener: (aspired: Aspired) => void): Promise<void>
  /** Looks soon, and resolves when it has seen all that was there before it was asked. */
  look(): Promise<void>
  /** Something may have changed: look soon. */
  hint(): void
  close(): Promise<void>
}

/** A verified private copy of a version, which nobody else writes to. */
export interface LocalVersion {
  readonly model: string
  readonly version: number
  /** SHA-256 of the canonical manifest, lower-case hexadecimal. */
  readonly digest: string
  readonly dir: string
  /** What a backend opens: a file or directory relative to `dir`; '' is `dir` itself. */
  readonly entry: string
  readonly format: ModelFormat
  readonly manifest: Manifest
  readonly bytes: number
  readonly labels: readonly string[] | undefined
  /** Removes the copy. Rejects where that fails; the next server that starts sweeps it. */
  release(): Promise<void>
}

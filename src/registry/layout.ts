import type { PolicyFile } from './policies.ts'
import type { RegistryProblem } from './source.ts'
import type { VersionPlace } from './version-sight.ts'

/** How versions lie in a folder. */
export interface Layout {
  /** The directory to look at. */
  readonly root: string
  /** Levels of directories below the root that hold something of a version; absent: any. */
  readonly depth?: number
  /** Where a model's directory is, if it has one beside its versions. */
  readonly modelDir?: (model: string) => string
  /** Whether a change of this path, relative to the root, may be one of a version. */
  readonly concerns: (file: string) => boolean
  /** Where versions lie now. Throws when the root cannot be read. */
  find(): Promise<Found>
}

export interface Found {
  readonly places: readonly VersionPlace[]
  readonly problems: readonly RegistryProblem[]
  /** The model.json of models that have one. */
  readonly policies?: readonly PolicyFile[]
  /** Models that could not be looked at: nothing is known of their versions now. */
  readonly unreadable: readonly string[]
}

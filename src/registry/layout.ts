import type { RegistryProblem } from './source.ts'
import type { VersionPlace } from './version-sight.ts'

/** How versions lie in a folder. */
export interface Layout {
  /** The directory to look at. */
  readonly root: string
  /** Levels of directories below the root that hold something of a version; absent: any. */
  readonly depth?: number
  /** Whether a change of this path, relative to the root, may be one of a version. */
  readonly concerns: (file: string) => boolean
  /** Where versions lie now. Throws when the root cannot be read. */
  find(): Promise<Found>
}

export interface Found {
  readonly places: readonly VersionPlace[]
  readonly problems: readonly RegistryProblem[]
  /** Models that could not be looked at: nothing is known of their versions now. */
  readonly unreadable: readonly string[]
}

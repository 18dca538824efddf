import { CutoverError } from '../domain/errors.ts'
import { VERSION_FILES_MAX } from '../wire/manifest.ts'
import type { Manifest } from '../domain/manifest.ts'
import type { CacheDir } from './cache-dir.ts'
import { copyFiles } from './copy-files.ts'
import { folderStore } from './file-store.ts'
import { materialize } from './materialize.ts'
import { checkFiles, checkIdentity } from './manifest-checks.ts'
import type { AspiredVersion, LocalVersion } from './source.ts'
import { lookAt, type VersionPlace, type VersionSight } from './version-sight.ts'

export interface FolderVersionOptions {
  readonly cache: CacheDir
  readonly bytesMax: number
}

/** A version in a folder as it was seen: when its files are others, it cannot be copied any more. */
export class FolderVersion implements AspiredVersion {
  readonly model: string
  readonly version: number
  readonly fingerprint: string
  readonly #place: VersionPlace
  readonly #options: FolderVersionOptions

  constructor(place: VersionPlace, fingerprint: string, options: FolderVersionOptions) {
    this.model = place.model
    this.version = place.version
    this.fingerprint = fingerprint
    this.#place = place
    this.#options = options
  }

  async materialize(signal: AbortSignal): Promise<LocalVersion> {
    signal.throwIfAborted()
    const sight = await this.#look()
    const { cache, bytesMax } = this.#options
    const manifest = manifestOf(this.#place, sight)
    const wanted = manifest?.files ?? sight.files.map(({ path }) => ({ path }))
    const store = folderStore(this.#place.dir)
    const { model, version } = this
    const write = (to: string) => copyFiles(wanted, store, to, { bytesMax, signal })
    const options = { cache, bytesMax, signal }
    const local = await materialize({ model, version, manifest, write }, options)
    try {
      // Without a manifest nothing but this says that the bytes of one state were copied.
      await this.#look()
      return local
    } catch (error) {
      await local.release().catch(() => undefined)
      throw error
    }
  }

  async #look(): Promise<VersionSight> {
    const sight = await lookAt(this.#place)
    if (sight?.fingerprint === this.fingerprint) return sight
    // Final for this state of the files; the state that follows is another version to the source.
    throw new CutoverError(
      'VERSION_INCOMPLETE',
      `the files in ${this.#place.dir} were changed before they were copied`,
    )
  }
}

/** Undefined when there is none. Throws when the files seen are plainly not those of a version. */
function manifestOf(place: VersionPlace, { manifest, files }: VersionSight): Manifest | undefined {
  if (manifest.kind === 'invalid') throw manifest.error
  if (manifest.kind === 'absent') {
    if (files.length > VERSION_FILES_MAX) {
      throw new CutoverError(
        'FORMAT_UNSUPPORTED',
        `${place.dir} holds more than ${VERSION_FILES_MAX} files`,
      )
    }
    return undefined
  }
  const stated = manifest.manifest
  if (place.isNamed) checkIdentity(stated, place)
  checkFiles(stated, new Map(files.map((file) => [file.path, file])))
  return stated
}

import path from 'node:path'

import { CutoverError } from '../domain/errors.ts'
import { VERSION_FILES_MAX } from '../wire/manifest.ts'
import { checkSize } from './copy-files.ts'
import { folderStore } from './file-store.ts'
import { materialize, type MaterializeOptions, type VersionContent } from './materialize.ts'
import type { AspiredVersion, LocalVersion } from './source.ts'
import { lookAt, type VersionPlace, type VersionSight } from './version-sight.ts'

/** A version in a folder as it was seen: when its files are others, it cannot be copied any more. */
export class FolderVersion implements AspiredVersion {
  readonly model: string
  readonly version: number
  readonly fingerprint: string
  readonly #place: VersionPlace
  readonly #options: Omit<MaterializeOptions, 'signal'>

  constructor(
    place: VersionPlace,
    fingerprint: string,
    options: Omit<MaterializeOptions, 'signal'>,
  ) {
    this.model = place.model
    this.version = place.version
    this.fingerprint = fingerprint
    this.#place = place
    this.#options = options
  }

  async materialize(signal: AbortSignal): Promise<LocalVersion> {
    signal.throwIfAborted()
    const sight = await this.#look()
    const content = contentOf(this.#place, sight)
    const store = folderStore(this.#place.dir)
    const { model, version } = this
    const request = { model, version, content, store }
    const local = await materialize(request, { ...this.#options, signal })
    try {
      // Without a manifest nothing but this says that the bytes of one state were copied.
      await this.#look()
      return local
    } catch (error) {
      await local.release()
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

function contentOf(
  { model, version, dir, isNamed }: VersionPlace,
  { manifest, files }: VersionSight,
): VersionContent['content'] {
  if (manifest.kind === 'invalid') throw manifest.error
  if (manifest.kind === 'absent') {
    if (files.length > VERSION_FILES_MAX) {
      throw new CutoverError(
        'FORMAT_UNSUPPORTED',
        `${dir} holds more than ${VERSION_FILES_MAX} files`,
      )
    }
    return files.map((file) => file.path)
  }
  const stated = manifest.manifest
  const contradicts = (stated.model ?? model) !== model || (stated.version ?? version) !== version
  if (isNamed && contradicts) {
    throw new CutoverError(
      'MANIFEST_INVALID',
      `manifest.json is of ${stated.model ?? model} version ${stated.version ?? version}, ` +
        `but lies in ${path.join(model, String(version))}`,
    )
  }
  // Before gigabytes are copied: what is plainly not whole.
  const sizes = new Map(files.map(({ path, bytes }) => [path, bytes]))
  for (const file of stated.files) {
    const bytes = sizes.get(file.path)
    if (bytes === undefined) {
      throw new CutoverError('VERSION_INCOMPLETE', `${file.path} is missing`)
    }
    checkSize(file, bytes)
  }
  return stated
}

import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, stat } from 'node:fs/promises'
import path from 'node:path'

import { CutoverError, messageOf } from '../../domain/errors.ts'
import { removeTree } from '../../lib/remove-tree.ts'
import { syncDirectory } from '../../lib/sync-directory.ts'
import { isAbsent, isDiskFull, systemCode } from '../../lib/system-error.ts'
import { MANIFEST_FILE } from '../../wire/manifest.ts'
import { ControlFolder } from '../control/control-folder.ts'
import { folderStore } from '../file-store.ts'
import { holdsVersions, registryLayout } from '../registry-layout.ts'
import type { RegistryProblem } from '../source.ts'
import { isLasting, lookAt, type VersionPlace } from '../version-sight.ts'
import { collectChunks, type FileHash, hashOf } from './chunks.ts'
import type { Draft } from './draft.ts'
import { complete, fill } from './fill-staging.ts'
import { manifestText } from './manifest-text.ts'
import { openStaging } from './folder-staging.ts'
import {
  inOrder,
  type Publication,
  type PublishOptions,
  type RegistryStore,
  type StoredVersion,
  type Survey,
} from './registry-store.ts'

const REMOVED = '.removing-'

/**
 * A registry in a folder. A version is made ready in a hidden directory and renamed into place: a
 * rename onto a version that is there fails, whoever made it.
 */
export class FolderStore implements RegistryStore {
  readonly location: string

  constructor(root: string) {
    this.location = root
  }

  /** Throws CONFIG_INVALID when that is no registry folder. */
  static async open(given: string): Promise<FolderStore> {
    const root = path.resolve(given)
    try {
      if (!(await holdsVersions(root))) return new FolderStore(root)
    } catch (error) {
      const reason = isAbsent(error) ? `there is no folder ${given}` : messageOf(error)
      throw new CutoverError('CONFIG_INVALID', `${reason}: name a registry, or make its folder`)
    }
    const sentence = `${given} holds the versions of one model: name the folder it is in`
    throw new CutoverError('CONFIG_INVALID', sentence)
  }

  async survey(signal: AbortSignal, model?: string): Promise<Survey> {
    return trying(`reading ${this.location}`, async () => {
      const all = await registryLayout(this.location).find()
      const isWanted = (name: string) => model === undefined || name === model
      const versions: StoredVersion[] = []
      const problems = all.problems.filter((problem) => isWanted(this.#modelOf(problem)))
      let isWhole = !all.unreadable.some(isWanted)
      for (const place of all.places.filter((found) => isWanted(found.model))) {
        signal.throwIfAborted()
        try {
          versions.push(await storedVersion(place))
        } catch (error) {
          problems.push({ path: place.dir, reason: messageOf(error) })
          isWhole = false
        }
      }
      return { versions: inOrder(versions), problems, isWhole }
    })
  }

  #modelOf(problem: RegistryProblem): string {
    return path.relative(this.location, problem.path).split(path.sep)[0] ?? ''
  }

  async read(file: string, bytesMax: number, signal: AbortSignal): Promise<Buffer | undefined> {
    return trying(`reading ${file}`, async () => {
      try {
        const chunks = folderStore(this.location).open(file, signal)
        return await collectChunks(chunks, bytesMax, file)
      } catch (error) {
        if (error instanceof CutoverError && error.code === 'VERSION_INCOMPLETE') return undefined
        throw error
      }
    })
  }

  async readControl(model: string): Promise<string | undefined> {
    const control = new ControlFolder((name) => path.join(this.location, name))
    return (await control.read(model))?.text
  }

  hash(file: string, signal: AbortSignal): Promise<FileHash | undefined> {
    return trying(`reading ${file}`, () => hashOf(folderStore(this.location).open(file, signal)))
  }

  async publish(draft: Draft, options: PublishOptions): Promise<Publication> {
    const modelDir = path.join(this.location, String(draft.manifest.model))
    const place = path.join(modelDir, String(options.version))
    const manifest = { ...draft.manifest, version: options.version }
    const text = manifestText(manifest)
    return trying(`writing ${place}`, async () => {
      if (await exists(place)) return { kind: 'exists' }
      const made = await mkdir(modelDir, { recursive: true })
      if (made !== undefined) await syncDirectory(this.location)
      const staging = await openStaging(modelDir, draft.digest)
      await fill(staging, draft, options)
      await complete(staging, text)
      if (await becomes(staging, place)) {
        await syncDirectory(modelDir)
        return { kind: 'published', manifest }
      }
      await removeTree(staging)
      return { kind: 'exists' }
    })
  }

  /** Gone at once: without its manifest alone, it would be a version without one. */
  async remove({ model, version }: StoredVersion): Promise<void> {
    const modelDir = path.join(this.location, model)
    await trying(`deleting ${path.join(modelDir, String(version))}`, async () => {
      const hidden = `${REMOVED}${version}-${randomUUID().slice(0, 8)}`
      await rename(path.join(modelDir, String(version)), path.join(modelDir, hidden))
    })
    await this.sweep(model)
  }

  async sweep(model: string): Promise<void> {
    const modelDir = path.join(this.location, model)
    await trying(`deleting in ${modelDir}`, async () => {
      for (const name of await readdir(modelDir)) {
        if (name.startsWith(REMOVED)) await removeTree(path.join(modelDir, name))
      }
    })
  }

  close(): void {
    // Nothing is held open.
  }
}

async function storedVersion(place: VersionPlace): Promise<StoredVersion> {
  const includes = (file: string) => file !== MANIFEST_FILE && isLasting(file)
  const sight = await lookAt({ ...place, includes })
  const files = new Map(sight?.files.map(({ path, bytes }) => [path, bytes]))
  const hasManifest = await exists(path.join(place.dir, MANIFEST_FILE))
  return { model: place.model, version: place.version, hasManifest, isComplete: true, files }
}

/** Renames a directory, and answers false when there is something at its new place. */
async function becomes(dir: string, place: string): Promise<boolean> {
  try {
    await rename(dir, place)
    return true
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(systemCode(error) ?? '')) return false
    throw error
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    (error: unknown) => {
      if (isAbsent(error)) return false
      throw error
    },
  )
}

async function trying<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined || error instanceof CutoverError) throw error
    const isFull = isDiskFull(error)
    const sentence = `${what}: ${isFull ? 'the disk is full' : messageOf(error)}`
    throw new CutoverError(isFull ? 'DISK_FULL' : 'REGISTRY_UNAVAILABLE', sentence, {
      cause: error,
    })
  }
}

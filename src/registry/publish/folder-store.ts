import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, stat } from 'node:fs/promises'
import path from 'node:path'

import pLimit from 'p-limit'

import { CutoverError, messageOf } from '../../domain/errors.ts'
import type { Manifest, ManifestFile } from '../../domain/manifest.ts'
import { removeTree } from '../../lib/remove-tree.ts'
import { isAbsent, systemCode } from '../../lib/system-error.ts'
import { MANIFEST_FILE } from '../../wire/manifest.ts'
import { folderStore } from '../file-store.ts'
import { holdsVersions, registryLayout } from '../registry-layout.ts'
import { isLasting, lookAt, type VersionPlace } from '../version-sight.ts'
import { collectChunks, type FileHash, hashOf } from './chunks.ts'
import { type Draft, openUnchanged } from './draft.ts'
import { openStaging } from './folder-staging.ts'
import {
  inOrder,
  type Publication,
  type PublishOptions,
  type RegistryStore,
  type StoredVersion,
  type Survey,
} from './registry-store.ts'

const FILES_AT_ONCE = 4
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

  async survey(signal: AbortSignal): Promise<Survey> {
    return trying(`reading ${this.location}`, async () => {
      const { places, problems } = await registryLayout(this.location).find()
      const found: StoredVersion[] = []
      for (const place of places) {
        signal.throwIfAborted()
        found.push(await storedVersion(place))
      }
      return { versions: inOrder(found), problems }
    })
  }

  async read(file: string, bytesMax: number, signal: AbortSignal): Promise<Buffer | undefined> {
    try {
      const chunks = folderStore(this.location).open(file, signal)
      return await collectChunks(chunks, bytesMax, file)
    } catch (error) {
      if (error instanceof CutoverError && error.code === 'VERSION_INCOMPLETE') return undefined
      throw error
    }
  }

  hash(file: string, signal: AbortSignal): Promise<FileHash | undefined> {
    return trying(`reading ${file}`, () => hashOf(folderStore(this.location).open(file, signal)))
  }

  async publish(draft: Draft, options: PublishOptions): Promise<Publication> {
    const modelDir = path.join(this.location, String(draft.manifest.model))
    const place = path.join(modelDir, String(options.version))
    const manifest = { ...draft.manifest, version: options.version }
    return trying(`writing ${place}`, async () => {
      if (await exists(place)) return { kind: 'exists' }
      await mkdir(modelDir, { recursive: true })
      const staging = await openStaging(modelDir, draft.digest)
      await fill(staging, draft, options)
      await writeManifest(staging, manifest)
      if (await becomes(staging, place)) return { kind: 'published', manifest }
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

async function fill(staging: string, draft: Draft, options: PublishOptions): Promise<void> {
  const { signal, onProgress } = options
  const limit = pLimit(FILES_AT_ONCE)
  let bytesDone = 0
  const one = async (file: ManifestFile) => {
    signal.throwIfAborted()
    const found = await hashOf(folderStore(staging).open(file.path, signal))
    if (found?.sha256 === file.sha256) {
      bytesDone += file.bytes
      onProgress(bytesDone)
      return
    }
    await write(path.join(staging, file.path), openUnchanged(draft, file, signal), (bytes) => {
      bytesDone += bytes
      onProgress(bytesDone)
    })
  }
  const copies = draft.manifest.files.map((file) => limit(() => one(file)))
  const failed = (await Promise.allSettled(copies)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

/** On the disk when this resolves: what is renamed into place must be whole after a power cut. */
async function write(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void = () => {},
): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true })
  const handle = await open(file, 'w')
  try {
    for await (const chunk of chunks) {
      await handle.writeFile(chunk)
      onBytes(chunk.length)
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function writeManifest(dir: string, manifest: Manifest): Promise<void> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  const content = (async function* () {
    yield Buffer.from(text)
  })()
  await write(path.join(dir, MANIFEST_FILE), content)
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
    const isFull = code === 'ENOSPC' || code === 'EDQUOT'
    const sentence = `${what}: ${isFull ? 'the disk is full' : messageOf(error)}`
    throw new CutoverError(isFull ? 'DISK_FULL' : 'REGISTRY_UNAVAILABLE', sentence, {
      cause: error,
    })
  }
}

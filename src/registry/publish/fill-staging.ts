import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises'
import path from 'node:path'

import pLimit from 'p-limit'

import { CutoverError } from '../../domain/errors.ts'
import type { ManifestFile } from '../../domain/manifest.ts'
import { syncDirectory } from '../../lib/sync-directory.ts'
import { systemCode } from '../../lib/system-error.ts'
import { MANIFEST_FILE } from '../../wire/manifest.ts'
import { folderStore } from '../file-store.ts'
import { hashOf } from './chunks.ts'
import { type Draft, openUnchanged } from './draft.ts'
import type { PublishOptions } from './registry-store.ts'

const FILES_AT_ONCE = 4

/**
 * Copies a draft's files into a directory; those that are there already and right are kept. Throws
 * REGISTRY_UNAVAILABLE when the directory is taken away meanwhile: what it held is not there then.
 */
export async function fill(staging: string, draft: Draft, options: PublishOptions): Promise<void> {
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
    await write(staging, file.path, openUnchanged(draft, file, signal), (bytes) => {
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
  root: string,
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void = () => {},
): Promise<void> {
  const handle = await create(root, file)
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

/** Makes a file's directories, too, but not the root. */
async function create(root: string, file: string): Promise<FileHandle> {
  try {
    let dir = root
    for (const name of file.split('/').slice(0, -1)) {
      dir = path.join(dir, name)
      await mkdir(dir).catch((error: unknown) => {
        if (systemCode(error) !== 'EEXIST') throw error
      })
    }
    return await open(path.join(root, file), 'w')
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    const sentence = `${root} was taken away while it was written to: publish again`
    throw new CutoverError('REGISTRY_UNAVAILABLE', sentence, { cause: error })
  }
}

/** Writes what makes a version of the files, all of which is on the disk then. Throws as `fill`. */
export async function complete(staging: string, manifest: string): Promise<void> {
  const content = (async function* () {
    yield Buffer.from(manifest)
  })()
  await write(staging, MANIFEST_FILE, content)
  await syncTree(staging)
}

async function syncTree(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncTree(path.join(dir, entry.name))
  }
  await syncDirectory(dir)
}

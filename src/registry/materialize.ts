import { chmod, readFile } from 'node:fs/promises'
import path from 'node:path'

import { CutoverError } from '../domain/errors.ts'
import type { Manifest, ManifestFile } from '../domain/manifest.ts'
import { describeBytes } from '../lib/describe-bytes.ts'
import { LABELS_BYTES_MAX, LABELS_FILE, parseLabels } from '../wire/labels.ts'
import { digestOf } from '../wire/manifest.ts'
import type { CacheDir } from './cache-dir.ts'
import { compileIfKeras } from './compile-if-keras.ts'
import { detectFormat } from './detect-format.ts'
import { readModelJson } from './model-json.ts'
import type { LocalVersion } from './source.ts'

export interface VersionContent {
  readonly model: string
  readonly version: number
  /** Absent: one is made of what was written. */
  readonly manifest: Manifest | undefined
  /**
   * Writes the version's files into an empty directory, each new, read-only and as the manifest
   * promises it, and resolves with what was written.
   */
  readonly write: (to: string) => Promise<readonly ManifestFile[]>
  /** Called after the copy is removed. */
  readonly released?: (() => Promise<void>) | undefined
}

export interface MaterializeOptions {
  readonly cache: CacheDir
  /** Of all files of the version together. */
  readonly bytesMax: number
  readonly signal: AbortSignal
}

/**
 * Makes a private copy of a version: the files named and no others, each verified while it is
 * written, then read-only. Throws as AspiredVersion says, and then leaves nothing behind.
 */
export async function materialize(
  { model, version, manifest: stated, write, released }: VersionContent,
  { cache, bytesMax, signal }: MaterializeOptions,
): Promise<LocalVersion> {
  const staging = await cache.stage()
  try {
    const files = await write(staging)
    const manifest: Manifest = stated ?? { schema: 'cutover/manifest/v1', files: [...files] }
    const paths = files.map(({ path }) => path)
    const found = await detectFormat(paths, manifest.format, (file) =>
      readModelJson(path.join(staging, file)),
    )
    const compiling = { dir: staging, files, cacheDir: cache.shared, bytesMax, signal }
    const detected = await compileIfKeras(found, compiling)
    const labels = await readLabels(staging, manifest)
    await seal(staging, [...paths, detected.entry])
    signal.throwIfAborted()
    const dir = await cache.commit(staging, `${model}-${version}`)
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
    const release = async () => {
      try {
        await cache.remove(dir)
      } finally {
        await released?.()
      }
    }
    // The same files published again are another version: who publishes means something by it.
    const digest = digestOf({ ...manifest, model, version })
    return { model, version, digest, dir, ...detected, manifest, bytes, labels, release }
  } catch (error) {
    await cache.discard(staging)
    throw error
  }
}

/** The labels that the manifest names, else those of a labels.json at the top. */
async function readLabels(dir: string, { files, labels = LABELS_FILE }: Manifest) {
  const file = files.find(({ path }) => path === labels)
  if (file === undefined) return undefined
  if (file.bytes > LABELS_BYTES_MAX) {
    const limit = describeBytes(LABELS_BYTES_MAX)
    throw new CutoverError('MANIFEST_INVALID', `${labels} is larger than ${limit}`)
  }
  return parseLabels(await readFile(path.join(dir, labels)), labels)
}

/** Makes the directories read-only, as the files are. */
async function seal(dir: string, paths: readonly string[]): Promise<void> {
  const directories = new Set([dir])
  for (const file of paths) {
    for (let at = path.dirname(file); at !== '.'; at = path.dirname(at)) {
      directories.add(path.join(dir, at))
    }
  }
  for (const directory of directories) await chmod(directory, 0o500)
}

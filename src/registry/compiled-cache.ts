import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'

import type { ManifestFile } from '../domain/manifest.ts'
import { ownedPrefix } from '../lib/process-identity.ts'
import { removeTree } from '../lib/remove-tree.ts'
import { COMPILER_VERSION } from '../wire/compile-protocol.ts'
import { parseManifest } from '../wire/manifest.ts'
import { copyFiles } from './copy-files.ts'
import { folderStore } from './file-store.ts'
import { compileKerasFile } from './keras-compiler.ts'

const ENTRIES_MAX = 16
const LIST = 'files.json'
const MODEL = 'model.onnx'

export interface CompileRequest {
  /** The Keras file, and the SHA-256 of its bytes. */
  readonly source: string
  readonly sha256: string
  /** Where the compiled files go. */
  readonly to: string
  readonly bytesMax: number
  readonly signal: AbortSignal
}

/**
 * Puts the compiled form of a Keras file into a directory, and gives the name of the model there.
 * What was compiled is kept below `parent` by the digest of the source and the compiler's version,
 * for as long as it is among the ones used last; its own digest is checked when it is used.
 */
export async function compiledModel(parent: string, request: CompileRequest): Promise<string> {
  const { source, sha256, to, signal } = request
  const cache = path.join(parent, 'compiled')
  const entry = path.join(cache, `${sha256}-${COMPILER_VERSION}`)
  if (await copiedFrom(entry, request)) return MODEL
  await mkdir(cache, { recursive: true, mode: 0o700 })
  // Whoever opens a cache directory in `parent` next removes it, should this process be killed.
  const staging = await mkdtemp(path.join(parent, ownedPrefix()))
  try {
    await compileKerasFile(source, path.join(staging, MODEL), signal)
    const files = await Promise.all((await readdir(staging)).map((name) => listed(staging, name)))
    await copyFiles(files, folderStore(staging), to, request)
    await writeFile(path.join(staging, LIST), JSON.stringify({ files }))
    await removeTree(entry)
    // Another process may have been faster: what it made is the same.
    await rename(staging, entry).catch(() => undefined)
    await keepNewest(cache)
    return MODEL
  } finally {
    await removeTree(staging)
  }
}

async function copiedFrom(
  entry: string,
  { to, bytesMax, signal }: CompileRequest,
): Promise<boolean> {
  try {
    const { files } = parseManifest(await readFile(path.join(entry, LIST)))
    await copyFiles(files, folderStore(entry), to, { bytesMax, signal })
    const now = new Date()
    await utimes(entry, now, now)
    return true
  } catch {
    signal.throwIfAborted()
    // Absent, or damaged: it is made anew.
    await removeTree(to)
    await mkdir(to, { mode: 0o700 })
    return false
  }
}

async function listed(dir: string, name: string): Promise<ManifestFile> {
  const file = path.join(dir, name)
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return { path: name, bytes: (await stat(file)).size, sha256: hash.digest('hex') }
}

async function keepNewest(cache: string): Promise<void> {
  const entries = await Promise.all(
    (await readdir(cache)).map(async (name) => {
      const dir = path.join(cache, name)
      return {
        dir,
        usedAt: await stat(dir).then(
          ({ mtimeMs }) => mtimeMs,
          () => 0,
        ),
      }
    }),
  )
  const old = entries.sort((a, b) => b.usedAt - a.usedAt).slice(ENTRIES_MAX)
  for (const { dir } of old) await removeTree(dir)
}

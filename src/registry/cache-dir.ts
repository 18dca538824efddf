import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, lstat, mkdtemp, readdir, rename, rmdir, stat, utimes } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { CutoverError, messageOf } from '../domain/errors.ts'
import { makeDirectory } from '../lib/make-directory.ts'
import { isAbandoned, isOfAnotherHost, ownedPrefix } from '../lib/process-identity.ts'
import { removeTree } from '../lib/remove-tree.ts'

/** How often a process shows that it lives, to those of other hosts that share the disk. */
const TOUCH_MS = 3600 * 1000
/** Who has not shown it for so long is gone: containers are called otherwise at every start. */
const UNTOUCHED_MS_MAX = 24 * TOUCH_MS

/** A directory of this process alone, which holds its private copies of versions. */
export class CacheDir {
  readonly dir: string
  /** The directory that it lies in, which outlives this process and is shared with others. */
  readonly shared: string
  readonly #touching: NodeJS.Timeout
  #closed = false

  constructor(dir: string) {
    this.dir = dir
    this.shared = path.dirname(dir)
    this.#touching = setInterval(() => void this.#touch(), TOUCH_MS).unref()
  }

  /** A fresh directory, for a copy in the making. Each is committed or removed. */
  stage(): Promise<string> {
    return mkdtemp(path.join(this.dir, 'staging-'))
  }

  /** Gives a finished copy its name, which no copy had before. Resolves with its directory. */
  async commit(staging: string, name: string): Promise<string> {
    const dir = path.join(this.dir, `${name}-${randomBytes(6).toString('hex')}`)
    await rename(staging, dir)
    return dir
  }

  /** Rejects where that fails: what stays is swept when this process is gone. */
  async remove(copy: string): Promise<void> {
    try {
      await removeTree(copy)
    } finally {
      if (this.#closed) await this.#removeIfEmpty()
    }
  }

  /** Removes a copy that came to nothing, as well as it can: why it did is what matters. */
  async discard(copy: string): Promise<void> {
    await this.remove(copy).catch(() => undefined)
  }

  /** Copies in use stay until they are removed, and the directory with them. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#removeIfEmpty()
  }

  async #touch(): Promise<void> {
    const now = new Date()
    await utimes(this.dir, now, now).catch(() => undefined)
  }

  async #removeIfEmpty(): Promise<void> {
    // What stays behind is swept when the next process starts.
    const isGone = await rmdir(this.dir).then(
      () => true,
      () => false,
    )
    if (isGone) clearInterval(this.#touching)
  }
}

/**
 * Makes this process's directory under `base` (the user's cache directory if undefined) and
 * removes those of processes that are gone. Throws CONFIG_INVALID when no directory can be made
 * there.
 */
export async function openCacheDir(base: string | undefined): Promise<CacheDir> {
  const parent = await cacheBase(base)
  await sweep(parent)
  return new CacheDir(await mkdtemp(path.join(parent, ownedPrefix())))
}

/** The directory that the caches of all servers lie in, which can be used. Throws CONFIG_INVALID. */
export function cacheBase(base: string | undefined): Promise<string> {
  return base === undefined ? defaultBase() : usable(path.resolve(base))
}

async function defaultBase(): Promise<string> {
  try {
    // In a container the user may have neither a home nor a name.
    return await usable(
      path.join(process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache'), 'cutover'),
    )
  } catch {
    const uid = process.getuid?.() ?? 0
    return ownedByUs(await usable(path.join(os.tmpdir(), `cutover-${uid}`)))
  }
}

async function usable(dir: string): Promise<string> {
  try {
    await makeDirectory(dir, 0o700)
    await access(dir, constants.R_OK | constants.W_OK | constants.X_OK)
    return dir
  } catch (error) {
    throw unusable(dir, messageOf(error), error)
  }
}

/**
 * Anybody may make a directory among the temporary files, and who may rename what lies in one
 * may replace a model after it was verified.
 */
async function ownedByUs(dir: string): Promise<string> {
  const stats = await lstat(dir)
  const isOurs = stats.isDirectory() && stats.uid === (process.getuid?.() ?? stats.uid)
  if (isOurs && (stats.mode & 0o022) === 0) return dir
  throw unusable(dir, 'it belongs to others, or they may write to it')
}

async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const dir = path.join(parent, name)
    if (isAbandoned(name) || (isOfAnotherHost(name) && (await isUntouched(dir)))) {
      // Two servers that start at once sweep the same directory: one of them finds it gone.
      await removeTree(dir).catch(() => undefined)
    }
  }
}

async function isUntouched(dir: string): Promise<boolean> {
  const touchedAtMs = await stat(dir).then(
    ({ mtimeMs }) => mtimeMs,
    () => Infinity,
  )
  return Date.now() - touchedAtMs > UNTOUCHED_MS_MAX
}

function unusable(dir: string, reason: string, cause?: unknown): CutoverError {
  return new CutoverError(
    'CONFIG_INVALID',
    `the cache directory ${dir} cannot be used (${reason}): give another one with --cache-dir`,
    { cause },
  )
}

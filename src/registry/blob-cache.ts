import { constants, type Stats } from 'node:fs'
import { copyFile, link, lstat, mkdir, readdir, rename, rm, statfs, utimes } from 'node:fs/promises'
import path from 'node:path'

import { CutoverError } from '../domain/errors.ts'
import { describeBytes } from '../lib/describe-bytes.ts'
import { isAbsent, systemCode, unlessAbsent } from '../lib/system-error.ts'

const BLOB = /^[0-9a-f]{64}$/
/** The beginning of what is to be a blob. */
const BEGUN = '.begun'
/** What a file system without hard links, or with a bound on them, answers. */
const UNLINKABLE: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EMLINK', 'ENOSYS', 'EXDEV'])

export interface BlobCacheOptions {
  readonly dir: string
  /** Of all blobs together. */
  readonly bytesMax: number
  /** What a file system keeps free of them. */
  readonly freeBytesMin: number
}

interface Blob {
  readonly file: string
  readonly stats: Stats
}

/**
 * Files by the SHA-256 of their content, shared by all processes that use the directory and
 * outliving them. A version's private directory holds hard links to them, so that a file in use
 * cannot go, and is told from one that is not by the number of its links.
 */
export class BlobCache {
  readonly #options: BlobCacheOptions

  constructor(options: BlobCacheOptions) {
    this.#options = options
  }

  /** Places the blob at a path where nothing is; false: there is no such blob. */
  async borrow(sha256: string, to: string): Promise<boolean> {
    try {
      await linkOrCopy(this.#fileOf(sha256), to)
      return true
    } catch (error) {
      if (isAbsent(error)) return false
      throw error
    }
  }

  /** Makes a verified file a blob; it must not be written to any more. */
  async keep(sha256: string, from: string): Promise<void> {
    await mkdir(this.#options.dir, { recursive: true, mode: 0o700 })
    try {
      await link(from, this.#fileOf(sha256))
    } catch (error) {
      // Without links there is no telling what is in use: nothing is kept, nothing is wrong.
      if (systemCode(error) !== 'EEXIST' && !UNLINKABLE.has(systemCode(error) ?? '')) throw error
    }
  }

  /** Keeps the beginning of a file until somebody goes on with it. An empty one is none. */
  async keepBegun(sha256: string, from: string): Promise<void> {
    const { size = 0 } = (await statsOf(from)) ?? {}
    if (size > 0) await rename(from, this.#fileOf(sha256) + BEGUN)
  }

  /** Gives the beginning of a file, to this caller alone, a path where nothing is; false: none. */
  async takeBegun(sha256: string, to: string): Promise<boolean> {
    try {
      await rename(this.#fileOf(sha256) + BEGUN, to)
      return true
    } catch (error) {
      if (isAbsent(error)) return false
      throw error
    }
  }

  async has(sha256: string): Promise<boolean> {
    return (await statsOf(this.#fileOf(sha256))) !== undefined
  }

  /** Notes that a blob was in use until now: what was so most recently is the last to go. */
  async touch(sha256: string): Promise<void> {
    const now = new Date()
    await utimes(this.#fileOf(sha256), now, now).catch(() => undefined)
  }

  async drop(sha256: string): Promise<void> {
    await rm(this.#fileOf(sha256), { force: true })
  }

  /**
   * Removes blobs that are not in use, least recently used first, until so many bytes more have
   * room, which what was begun of the files `wanted` is part of. Throws DISK_FULL when they cannot
   * have it, and then removes none; nothing always has room.
   */
  async makeRoom(bytes: number, wanted: readonly string[] = []): Promise<void> {
    const { dir, bytesMax, freeBytesMin } = this.#options
    if (bytes === 0) return
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const isBegun = new Set(wanted.map((sha256) => this.#fileOf(sha256) + BEGUN))
    const all = await this.#blobs()
    const begun = bytesOf(all.filter(({ file }) => isBegun.has(file)))
    const blobs = all.filter(({ file }) => !isBegun.has(file))
    let held = bytesOf(blobs)
    let free = (await freeBytes(dir)) + begun
    const unused = blobs
      .filter(({ stats }) => stats.nlink === 1)
      .sort((a, b) => a.stats.mtimeMs - b.stats.mtimeMs)
    const removable = bytesOf(unused)
    const used = held - removable
    if (used + bytes > bytesMax) {
      throw full(bytes, `${describeBytes(used)} of ${describeBytes(bytesMax)} are in use`, dir)
    }
    const freeAtMost = free + removable
    if (freeAtMost - bytes < freeBytesMin) {
      const rule = `${describeBytes(freeBytesMin)} must stay free`
      throw full(bytes, `the disk can have ${describeBytes(freeAtMost)} left and ${rule}`, dir)
    }
    for (const { file, stats } of unused) {
      if (held + bytes <= bytesMax && free - bytes >= freeBytesMin) return
      await rm(file, { force: true })
      held -= stats.size
      free += stats.size
    }
  }

  async #blobs(): Promise<Blob[]> {
    const blobs: Blob[] = []
    for (const name of await readdir(this.#options.dir)) {
      const file = path.join(this.#options.dir, name)
      const stats = BLOB.test(path.basename(name, BEGUN)) ? await statsOf(file) : undefined
      if (stats?.isFile() === true) blobs.push({ file, stats })
    }
    return blobs
  }

  #fileOf(sha256: string): string {
    if (!BLOB.test(sha256)) throw new CutoverError('INTERNAL', `${sha256} is no sha256`)
    return path.join(this.#options.dir, sha256)
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!UNLINKABLE.has(systemCode(error) ?? '')) throw error
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  }
}

function statsOf(file: string): Promise<Stats | undefined> {
  return unlessAbsent(lstat(file))
}

function bytesOf(blobs: readonly Blob[]): number {
  return blobs.reduce((sum, { stats }) => sum + stats.size, 0)
}

async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir)
  return bavail * bsize
}

function full(bytes: number, reason: string, dir: string): CutoverError {
  const wanted = describeBytes(bytes)
  return new CutoverError(
    'DISK_FULL',
    `no room for ${wanted} in ${dir}: ${reason} (see --cache-bytes-max, --cache-free-bytes-min)`,
  )
}

import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import path from 'node:path'

import { CutoverError } from '../domain/errors.ts'
import type { Manifest } from '../domain/manifest.ts'
import { unlessAbsent } from '../lib/system-error.ts'
import {
  MANIFEST_BYTES_MAX,
  MANIFEST_FILE,
  parseManifest,
  VERSION_FILES_MAX,
} from '../wire/manifest.ts'
import { folderStore } from './file-store.ts'

const DEPTH_MAX = 32

/** Where the files of a version lie. */
export interface VersionPlace {
  readonly model: string
  readonly version: number
  readonly dir: string
  /** The directory's name says what it holds, and a manifest in it must agree. */
  readonly isNamed: boolean
  /** Tells which files and directories in `dir` belong to it; absent: all but temporary ones. */
  readonly includes?: ((path: string) => boolean) | undefined
}

export interface SeenFile {
  readonly path: string
  readonly bytes: number
  readonly mtimeMs: number
  readonly ino: number
}

export type SeenManifest =
  | { readonly kind: 'absent' }
  | { readonly kind: 'present'; readonly manifest: Manifest; readonly file: SeenFile }
  | { readonly kind: 'invalid'; readonly error: CutoverError; readonly file: SeenFile }

/** What a version's directory looked like at one moment, without the bytes of its model. */
export interface VersionSight {
  readonly manifest: SeenManifest
  /** In the order of their paths: those the manifest lists, or all where there is none. */
  readonly files: readonly SeenFile[]
  /** Changes when any of them does, the manifest included. */
  readonly fingerprint: string
  /** When the file system last saw a change, by its own clock, in milliseconds since 1970. */
  readonly changedAtMs: number
}

/**
 * Looks at a version; undefined when its directory is not there. An unchanged manifest is not
 * read again. Throws what the file system throws.
 */
export async function lookAt(
  place: VersionPlace,
  previous?: VersionSight,
): Promise<VersionSight | undefined> {
  const { dir, includes = isLasting } = place
  const root = await stats(dir)
  if (root === undefined) return undefined
  const manifest: SeenManifest = includes(MANIFEST_FILE)
    ? await seeManifest(dir, previous?.manifest)
    : { kind: 'absent' }
  const listing = new Listing(dir, root, includes)
  if (manifest.kind === 'present') {
    for (const { path } of manifest.manifest.files) await listing.add(path)
  } else await listing.addAll('')
  const files = listing.files.sort((a, b) => (a.path < b.path ? -1 : 1))
  const all = manifest.kind === 'absent' ? files : [manifest.file, ...files]
  return { manifest, files, fingerprint: fingerprintOf(all), changedAtMs: listing.changedAtMs }
}

class Listing {
  readonly files: SeenFile[] = []
  changedAtMs: number
  readonly #dir: string
  readonly #includes: (path: string) => boolean

  constructor(dir: string, { ctimeMs }: Stats, includes: (path: string) => boolean) {
    this.#dir = dir
    this.changedAtMs = ctimeMs
    this.#includes = includes
  }

  /** Links and the like are files here: who opens one is told that it is none. */
  async add(file: string): Promise<void> {
    const seen = await this.#stats(file)
    if (seen !== undefined) this.files.push(seenFile(file, seen))
  }

  /** Stops at the bounds: who copies that many files is told that they are too many. */
  async addAll(below: string): Promise<void> {
    const names = (await unlessAbsent(readdir(path.join(this.#dir, below)))) ?? []
    for (const name of names) {
      const file = below === '' ? name : `${below}/${name}`
      if (this.files.length > VERSION_FILES_MAX) return
      if (file === MANIFEST_FILE || !this.#includes(file)) continue
      const seen = await this.#stats(file)
      const isShallow = file.split('/').length <= DEPTH_MAX
      if (seen?.isDirectory() && isShallow) await this.addAll(file)
      else if (seen !== undefined) this.files.push(seenFile(file, seen))
    }
  }

  async #stats(file: string): Promise<Stats | undefined> {
    const seen = await stats(path.join(this.#dir, file))
    if (seen !== undefined) this.changedAtMs = Math.max(this.changedAtMs, seen.ctimeMs)
    return seen
  }
}

/** What copying tools and editors leave in passing, and hidden files, are no part of a version. */
export function isLasting(file: string): boolean {
  const name = file.slice(file.lastIndexOf('/') + 1)
  return !name.startsWith('.') && !name.endsWith('.tmp') && !name.endsWith('~')
}

async function seeManifest(dir: string, previous?: SeenManifest): Promise<SeenManifest> {
  const found = await stats(path.join(dir, MANIFEST_FILE))
  if (found === undefined) return { kind: 'absent' }
  const file = seenFile(MANIFEST_FILE, found)
  if (previous !== undefined && previous.kind !== 'absent' && isSame(previous.file, file)) {
    return previous
  }
  try {
    return { kind: 'present', manifest: parseManifest(await read(dir, found)), file }
  } catch (error) {
    if (!(error instanceof CutoverError)) throw error
    const { message } = error
    return { kind: 'invalid', error: new CutoverError('MANIFEST_INVALID', message), file }
  }
}

async function read(dir: string, { size }: Stats): Promise<Uint8Array> {
  if (size > MANIFEST_BYTES_MAX) {
    throw new CutoverError('MANIFEST_INVALID', `${MANIFEST_FILE}: larger than a manifest may be`)
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of folderStore(dir).open(MANIFEST_FILE, new AbortController().signal)) {
    chunks.push(Buffer.from(chunk))
  }
  return Buffer.concat(chunks)
}

function stats(file: string): Promise<Stats | undefined> {
  return unlessAbsent(lstat(file))
}

function seenFile(path: string, { size, mtimeMs, ino }: Stats): SeenFile {
  return { path, bytes: size, mtimeMs, ino }
}

function isSame(a: SeenFile, b: SeenFile): boolean {
  return fingerprintOf([a]) === fingerprintOf([b])
}

function fingerprintOf(files: readonly SeenFile[]): string {
  const hash = createHash('sha256')
  for (const { path, bytes, mtimeMs, ino } of files) {
    hash.update(`${path}\0${bytes}\0${mtimeMs}\0${ino}\n`)
  }
  return hash.digest('hex').slice(0, 32)
}

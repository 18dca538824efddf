import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import path from 'node:path'

import { z } from 'zod'

import type { Manifest } from '../../domain/manifest.ts'
import { isModelName, parseVersion } from '../../domain/version.ts'
import { replaceFile } from '../../lib/replace-file.ts'
import { unlessAbsent } from '../../lib/system-error.ts'
import { canonicalManifest, parseManifest } from '../../wire/manifest.ts'

const FILE = /^(?<model>.+)~(?<version>\d+)\.json$/

/** No model can be called so, and have its directory here. */
const POLICIES = '~policies.json'
/** No file takes so long to write: what has a temporary name after that was left behind. */
const TEMPORARY_MS_MAX = 3600 * 1000

const policiesRecord = z.record(z.string().refine(isModelName), z.string())
const record = z.object({ fingerprint: z.string(), etag: z.string(), manifest: z.string() })

/** A version that was served from this disk, and whose files may still be there. */
export interface SavedVersion {
  readonly model: string
  readonly version: number
  readonly fingerprint: string
  /** Of its manifest in the bucket. */
  readonly etag: string
  readonly manifest: Manifest
}

/**
 * The manifests of versions of one registry that were materialised here: what a server starts
 * from when it starts while the bucket is away.
 */
export class SavedVersions {
  readonly dir: string
  #known = new Map<string, SavedVersion>()
  #policies: ReadonlyMap<string, string> = new Map()

  /** `shared` is a directory that outlives the process; each registry has its own part of it. */
  constructor(shared: string, location: string) {
    const name = createHash('sha256').update(location).digest('hex').slice(0, 16)
    this.dir = path.join(shared, 'saved', name)
  }

  /**
   * Reads what is there. What cannot be understood is removed: it is only a copy. What another
   * server is just writing is left alone.
   */
  async load(): Promise<void> {
    const entries = (await unlessAbsent(readdir(this.dir, { withFileTypes: true }))) ?? []
    for (const { name } of entries.filter((entry) => entry.isFile())) {
      if (name === POLICIES) {
        this.#policies = await this.#readPolicies()
        continue
      }
      const saved = await this.#read(name).catch(() => undefined)
      if (saved !== undefined) this.#known.set(nameOf(saved), saved)
      else if (!(await this.#isBeingWritten(name))) await this.#remove(name)
    }
  }

  /** The text of each model's model.json. */
  get policies(): ReadonlyMap<string, string> {
    return this.#policies
  }

  async savePolicies(policies: ReadonlyMap<string, string>): Promise<void> {
    this.#policies = policies
    await this.#write(POLICIES, JSON.stringify(Object.fromEntries(policies)))
  }

  all(): readonly SavedVersion[] {
    return [...this.#known.values()]
  }

  get(model: string, version: number, etag: string): SavedVersion | undefined {
    const saved = this.#known.get(nameOf({ model, version }))
    return saved?.etag === etag ? saved : undefined
  }

  async save(saved: SavedVersion): Promise<void> {
    const name = nameOf(saved)
    const { fingerprint, etag, manifest } = saved
    const text = JSON.stringify({ fingerprint, etag, manifest: canonicalManifest(manifest) })
    await this.#write(name, text)
    this.#known.set(name, saved)
  }

  /** Forgets what the registry does not hold any more. */
  async retain(isThere: (saved: SavedVersion) => boolean): Promise<void> {
    for (const [name, saved] of this.#known) {
      if (isThere(saved)) continue
      this.#known.delete(name)
      await this.#remove(name)
    }
  }

  async #remove(name: string): Promise<void> {
    await rm(path.join(this.dir, name), { force: true })
  }

  async #isBeingWritten(name: string): Promise<boolean> {
    if (!name.startsWith('.')) return false
    const mtimeMs = await stat(path.join(this.dir, name)).then(
      (stats) => stats.mtimeMs,
      () => 0,
    )
    return Date.now() - mtimeMs < TEMPORARY_MS_MAX
  }

  async #write(name: string, text: string): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 })
    await replaceFile(path.join(this.dir, name), text)
  }

  async #readPolicies(): Promise<ReadonlyMap<string, string>> {
    try {
      const text = await readFile(path.join(this.dir, POLICIES), 'utf8')
      return new Map(Object.entries(policiesRecord.parse(JSON.parse(text))))
    } catch {
      return new Map()
    }
  }

  async #read(name: string): Promise<SavedVersion | undefined> {
    const { model = '', version: digits = '' } = FILE.exec(name)?.groups ?? {}
    const version = parseVersion(digits)
    if (version === undefined || !isModelName(model)) return undefined
    const text = await readFile(path.join(this.dir, name), 'utf8')
    const { fingerprint, etag, manifest } = record.parse(JSON.parse(text))
    return { model, version, fingerprint, etag, manifest: parseManifest(Buffer.from(manifest)) }
  }
}

function nameOf({ model, version }: { model: string; version: number }): string {
  return `${model}~${version}.json`
}

import pLimit from 'p-limit'

import { CutoverError, type ErrorCode, messageOf } from '../../domain/errors.ts'
import type { Manifest } from '../../domain/manifest.ts'
import { MANIFEST_BYTES_MAX, MANIFEST_FILE, parseManifest } from '../../wire/manifest.ts'
import { checkIdentity } from '../manifest-checks.ts'
import type { RegistryStore, StoredVersion } from './registry-store.ts'

const FILES_AT_ONCE = 4
/** It is a link, or what it holds is no manifest. */
const MANIFEST_FAULTS: ReadonlySet<ErrorCode> = new Set(['VERSION_CORRUPT', 'MANIFEST_INVALID'])

export interface VersionProblem {
  readonly kind: 'manifest' | 'missing' | 'corrupt'
  readonly path: string
  readonly reason: string
}

export interface Verification {
  /** Absent: it has no manifest, and nothing to be held against. */
  readonly manifest: Manifest | undefined
  readonly problems: readonly VersionProblem[]
  /** Files that no server reads: of another publisher, or put there by hand. */
  readonly unlisted: readonly string[]
}

/** Reads every byte of a version again and holds it against its manifest. */
export async function verifyVersion(
  store: RegistryStore,
  stored: StoredVersion,
  signal: AbortSignal,
): Promise<Verification> {
  const dir = `${stored.model}/${stored.version}`
  let manifest: Manifest
  try {
    const found = await readManifest(store, stored, signal)
    if (found === undefined) return { manifest: undefined, problems: [], unlisted: [] }
    checkIdentity(found, stored)
    manifest = found
  } catch (error) {
    if (!(error instanceof CutoverError) || !MANIFEST_FAULTS.has(error.code)) throw error
    const problem = { kind: 'manifest', path: MANIFEST_FILE, reason: messageOf(error) } as const
    return { manifest: undefined, problems: [problem], unlisted: [] }
  }
  const limit = pLimit(FILES_AT_ONCE)
  const verdicts = manifest.files.map((file) =>
    limit(async (): Promise<VersionProblem[]> => {
      const { path } = file
      const problem = (kind: VersionProblem['kind'], reason: string) => [{ kind, path, reason }]
      const found = await store.hash(`${dir}/${path}`, signal).catch((error: unknown) => {
        // A link, for example. What is wrong with the registry as a whole is not the file's.
        if (error instanceof CutoverError && error.code === 'VERSION_CORRUPT') return error.message
        throw error
      })
      if (typeof found === 'string') return problem('corrupt', found)
      if (found === undefined) return problem('missing', 'is missing')
      if (found.bytes !== file.bytes) {
        return problem('corrupt', `has ${found.bytes} bytes, not ${file.bytes}`)
      }
      if (found.sha256 === file.sha256) return []
      return problem('corrupt', `has the sha256 ${found.sha256}, not ${file.sha256}`)
    }),
  )
  const listed = new Set(manifest.files.map(({ path }) => path))
  return {
    manifest,
    problems: (await Promise.all(verdicts)).flat(),
    unlisted: [...stored.files.keys()].filter((path) => !listed.has(path)).sort(),
  }
}

/** Throws MANIFEST_INVALID; undefined when there is none. */
export async function readManifest(
  store: RegistryStore,
  { model, version }: StoredVersion,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  const file = `${model}/${version}/${MANIFEST_FILE}`
  const bytes = await store.read(file, MANIFEST_BYTES_MAX, signal)
  return bytes === undefined ? undefined : parseManifest(bytes)
}

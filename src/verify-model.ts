import path from 'node:path'

import { CutoverError, type ErrorCode, messageOf } from './domain/errors.ts'
import { isDiskFull } from './lib/system-error.ts'
import { poolStarter } from './pool-starter.ts'
import { type CacheDir, openCacheDir } from './registry/cache-dir.ts'
import { compiledModel } from './registry/compiled-cache.ts'
import type { Draft } from './registry/publish/draft.ts'
import { digestOf } from './wire/manifest.ts'
import type { Settings } from './wire/settings.ts'

/** What the model is at fault for: trying it again, here or elsewhere, gives the same answer. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'FORMAT_UNSUPPORTED',
  'MANIFEST_INVALID',
  'MODEL_UNLOADABLE',
])

export interface VerifiedModel {
  /** What is not as it should be, though it works; absent: all is. */
  readonly notice: string | undefined
  readonly tookMs: number
}

/**
 * Loads a draft's model in an engine process and runs it once, as a server does before it routes a
 * request to it. Throws MODEL_UNLOADABLE when a server would refuse it. What this machine may be at
 * fault for says nothing of the model and keeps its code: a full disk, an engine that was killed or
 * was not ready in time.
 */
export async function verifyModel(
  draft: Draft,
  settings: Settings,
  signal: AbortSignal,
): Promise<VerifiedModel> {
  const startedAt = performance.now()
  const { manifest, labels, bytes, format } = draft
  const identity = { model: manifest.model ?? '', version: 0, digest: digestOf(manifest) }
  const cache = await openCacheDir(settings.cacheDir)
  const staging = await cache.stage()
  const release = () => cache.discard(staging)
  const startPool = poolStarter({ ...settings, engines: 1, threadsAlone: 0 }, () => {})
  try {
    const place = await placeOf(draft, {
      cache,
      staging,
      bytesMax: settings.versionBytesMax,
      signal,
    })
    const local = { ...identity, ...place, format, manifest, bytes, labels, release }
    const pool = await startPool(local, { signal, onStep: () => {} })
    const notice = pool.info.notice
    await pool.close()
    return { notice, tookMs: performance.now() - startedAt }
  } catch (error) {
    signal.throwIfAborted()
    throw verdictOn(error)
  } finally {
    await release()
    await cache.close()
  }
}

function verdictOn(error: unknown): unknown {
  const own = error instanceof CutoverError ? error.code : undefined
  const code = isDiskFull(error) ? 'DISK_FULL' : own
  // An error of the system says more as it is.
  if (code === undefined) return error
  const isRefused = REFUSALS.has(code)
  const what = isRefused ? 'a server would refuse this model' : 'the model could not be tried'
  const sentence = `${what}: ${messageOf(error)}`
  return new CutoverError(isRefused ? 'MODEL_UNLOADABLE' : code, sentence, { cause: error })
}

/** What an engine opens: the draft as it lies there, or what a server would compile it to. */
async function placeOf(
  { dir, entry, format, manifest }: Draft,
  options: { cache: CacheDir; staging: string; bytesMax: number; signal: AbortSignal },
): Promise<{ dir: string; entry: string }> {
  const file = manifest.files.find(({ path }) => path === entry)
  if (format !== 'keras' || file === undefined) return { dir, entry }
  const { cache, staging, bytesMax, signal } = options
  const source = path.join(dir, entry)
  const compiling = { source, sha256: file.sha256, to: staging, bytesMax, signal }
  return { dir: staging, entry: await compiledModel(cache.shared, compiling) }
}

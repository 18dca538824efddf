import { CutoverError, messageOf } from './domain/errors.ts'
import { poolStarter } from './main.ts'
import type { Draft } from './registry/publish/draft.ts'
import { digestOf } from './wire/manifest.ts'
import type { Settings } from './wire/settings.ts'

export interface VerifiedModel {
  /** Why it was not run; absent: it was. */
  readonly notice: string | undefined
  readonly tookMs: number
}

/**
 * Loads a draft's model in an engine process and runs it once, as a server does before it routes a
 * request to it. Throws MODEL_UNLOADABLE when a server would refuse it.
 */
export async function verifyModel(
  draft: Draft,
  settings: Settings,
  signal: AbortSignal,
): Promise<VerifiedModel> {
  const startedAt = performance.now()
  const { manifest, dir, entry, format, labels, bytes } = draft
  const identity = { model: manifest.model ?? '', version: 0, digest: digestOf(manifest) }
  const release = async () => {}
  const local = { ...identity, dir, entry, format, manifest, bytes, labels, release }
  const startPool = poolStarter({ ...settings, engines: 1, threadsAlone: 0 }, () => {})
  try {
    const pool = await startPool(local, { signal, onStep: () => {} })
    const notice = pool.info.warmupSkipped
    await pool.close()
    return { notice, tookMs: performance.now() - startedAt }
  } catch (error) {
    signal.throwIfAborted()
    const sentence = `a server would refuse this model: ${messageOf(error)}`
    throw new CutoverError('MODEL_UNLOADABLE', sentence, { cause: error })
  }
}

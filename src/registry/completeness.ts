import { describeBytes } from '../lib/describe-bytes.ts'
import { modelFiles } from './detect-format.ts'
import type { VersionSight } from './version-sight.ts'

/** How much longer than a finished looking version an unfinished one is waited for. */
const PATIENCE = 10

export interface Completeness {
  /** What is being waited for; '' once there is nothing. */
  readonly waitingFor: string
  /** For how long the files must have been still before the version is offered as it is. */
  readonly stillMs: number
}

/**
 * Whether a version can be offered. With a manifest, at once when every file listed is there in
 * its size; without one, when a model is among the files and all have been still for `settleMs`.
 * Anything else is taken for a copy under way, and offered all the same once it has been still
 * for ten times as long: so that its loading fails with a reason, rather than it waits for ever.
 */
export function completenessOf(sight: VersionSight, settleMs: number): Completeness {
  const { manifest, files } = sight
  const patienceMs = PATIENCE * settleMs
  if (manifest.kind === 'invalid') {
    return { waitingFor: `a valid ${manifest.error.message}`, stillMs: settleMs }
  }
  if (manifest.kind === 'absent') {
    const hasModel = modelFiles(files.map(({ path }) => path)).length > 0
    return hasModel
      ? { waitingFor: 'its files to be still', stillMs: settleMs }
      : { waitingFor: 'a model file', stillMs: patienceMs }
  }
  const sizes = new Map(files.map(({ path, bytes }) => [path, bytes]))
  const lacking = manifest.manifest.files.find(({ path, bytes }) => sizes.get(path) !== bytes)
  if (lacking === undefined) return { waitingFor: '', stillMs: 0 }
  const found = describeBytes(sizes.get(lacking.path) ?? 0)
  const waitingFor = `${lacking.path} (${found} of ${describeBytes(lacking.bytes)})`
  return { waitingFor, stillMs: patienceMs }
}

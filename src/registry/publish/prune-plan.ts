import { inOrder, type StoredVersion } from './registry-store.ts'
import type { Roles } from './roles.ts'

/** What nothing was added to for so long is no upload that is under way. */
const ABANDONED_AFTER_MS = 24 * 3600 * 1000

/**
 * What may go of one model: all versions but the newest `keep`, at least one, and those with a
 * role; and what is left of older ones, by a prune that was interrupted or an upload that was. Any
 * other upload that is not complete is left to who is at it.
 */
export function prunable(
  versions: readonly StoredVersion[],
  roles: Roles,
  { keep, nowMs }: { readonly keep: number; readonly nowMs: number },
): StoredVersion[] {
  const complete = inOrder(versions.filter(({ isComplete }) => isComplete))
  const oldestKept = complete.slice(-keep)[0]?.version ?? 0
  return inOrder(versions).filter(({ version, isComplete, changedAtMs = NaN }) => {
    if (version >= oldestKept || roles.has(version)) return false
    return isComplete || nowMs - changedAtMs > ABANDONED_AFTER_MS
  })
}

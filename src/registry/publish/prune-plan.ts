import { inOrder, type StoredVersion } from './registry-store.ts'
import type { Roles } from './roles.ts'

/**
 * The versions of one model that may go: all but the newest `keep`, at least one, and those with a role. An
 * upload that is not complete is left to who is at it.
 */
export function prunable(
  versions: readonly StoredVersion[],
  roles: Roles,
  keep: number,
): StoredVersion[] {
  const complete = inOrder(versions.filter(({ isComplete }) => isComplete))
  return complete.slice(0, -keep).filter(({ version }) => !roles.has(version))
}

import { expect, test } from 'vitest'

import { prunable } from '../../src/registry/publish/prune-plan.ts'
import type { StoredVersion } from '../../src/registry/publish/registry-store.ts'
import type { Role } from '../../src/registry/publish/roles.ts'

const HOUR_MS = 3600_000
const nowMs = Date.UTC(2026, 10, 28)

function complete(version: number): StoredVersion {
  return { model: 'm', version, hasManifest: true, isComplete: true, files: new Map() }
}

function remains(version: number, hoursOld: number): StoredVersion {
  const changedAtMs = nowMs - hoursOld * HOUR_MS
  return { ...complete(version), hasManifest: false, isComplete: false, changedAtMs }
}

function pruned(versions: StoredVersion[], keep: number, inUse: number[] = []): number[] {
  const roles = new Map(inUse.map((version) => [version, ['stable'] satisfies Role[]]))
  return prunable(versions, roles, { keep, nowMs }).map(({ version }) => version)
}

test('all but the newest go, whatever order they come in', () => {
  const versions = [10, 1, 9, 2].map(complete)
  expect(pruned(versions, 2)).toEqual([1, 2])
  expect(pruned(versions, 4)).toEqual([])
  expect(pruned(versions, 9)).toEqual([])
})

test('what has a role stays, and counts', () => {
  expect(pruned([1, 2, 3, 4].map(complete), 1, [1, 4])).toEqual([2, 3])
})

test('of what is not complete goes what is older than all that is kept, and quiet for a day', () => {
  const versions = [remains(1, 25), remains(2, 23), complete(3), remains(4, 99), complete(5)]
  expect(pruned(versions, 1)).toEqual([1, 3, 4])
  expect(pruned(versions, 2)).toEqual([1])
  expect(pruned(versions, 9)).toEqual([1])
  expect(pruned([...versions, remains(6, 99)], 1)).toEqual([1, 3, 4])
  expect(pruned(versions, 1, [1])).toEqual([3, 4])
})

test('where nothing is complete, or nobody says how old it is, nothing goes', () => {
  expect(pruned([remains(1, 99), remains(2, 99)], 1)).toEqual([])
  expect(pruned([remains(1, NaN), complete(2)], 1)).toEqual([])
})

import { stat } from 'node:fs/promises'

import { messageOf } from '../domain/errors.ts'
import { completenessOf } from './completeness.ts'
import type { Found, Layout } from './layout.ts'
import { modelsOf } from './models-of.ts'
import type { PolicyFile } from './policies.ts'
import type { Aspired, AspiredVersion, PendingVersion, RegistryProblem } from './source.ts'
import { lookAt, type VersionPlace, type VersionSight } from './version-sight.ts'

export interface ScanOptions {
  readonly settleMs: number
  readonly offer: (place: VersionPlace, fingerprint: string) => AspiredVersion
}

/** What one look at a folder showed, and what the next one needs to know of it. */
export interface Scan {
  readonly aspired: Omit<Aspired, 'policies'>
  readonly policies: readonly PolicyFile[]
  /** Models that could not be looked at. */
  readonly unreadable: readonly string[]
  /** Time alone may change the set in so many milliseconds; Infinity: not without a change. */
  readonly dueInMs: number
  readonly root: Root
  readonly rootLost: boolean
  readonly versions: ReadonlyMap<string, Watched>
}

interface Root {
  readonly dev: number
  readonly ino: number
  readonly birthtimeMs: number
}

interface Watched {
  readonly sight: VersionSight
  /** By the clock of performance.now(). */
  readonly stillSinceMs: number
  /** What was offered last: it stays on offer while the files change. */
  readonly offered: AspiredVersion | undefined
}

/**
 * Looks at a folder. What cannot be read now takes nothing away: its versions last seen stay on
 * offer. Throws only when there is no earlier look and the root cannot be read.
 */
export async function scanFolder(
  layout: Layout,
  options: ScanOptions,
  previous?: Scan,
): Promise<Scan> {
  let root: Root
  let found: Found
  try {
    root = await stat(layout.root)
    found = await layout.find()
  } catch (error) {
    if (previous === undefined) throw error
    return lost(layout, previous, messageOf(error))
  }
  // Below a mount that went away lies an empty directory.
  if (previous !== undefined && previous.root.dev !== root.dev && found.places.length === 0) {
    return lost(layout, previous, 'another file system, without versions, lies there now')
  }
  const versions = new Map<string, Watched>()
  const pending: PendingVersion[] = []
  const problems: RegistryProblem[] = [...found.problems]
  let dueInMs = Infinity
  for (const [key, watched] of previous?.versions ?? []) {
    if (found.unreadable.includes(key.split('/')[0] ?? '')) versions.set(key, watched)
  }
  for (const place of found.places) {
    const key = `${place.model}/${place.version}`
    const before = previous?.versions.get(key)
    try {
      const sight = await lookAt(place, before?.sight)
      if (sight === undefined) continue
      const { watched, waitingFor, leftMs } = judge(place, sight, before, previous, options)
      versions.set(key, watched)
      if (leftMs <= 0) continue
      const { model, version } = place
      pending.push({ model, version, reason: `waiting for ${waitingFor}` })
      dueInMs = Math.min(dueInMs, leftMs)
    } catch (error) {
      problems.push({ path: place.dir, reason: messageOf(error) })
      if (before !== undefined) versions.set(key, before)
    }
  }
  const offered = [...versions.values()].flatMap((watched) => watched.offered ?? [])
  const aspired = { models: modelsOf(offered), pending, problems }
  const { policies = [], unreadable } = found
  return { aspired, policies, unreadable, dueInMs, root, rootLost: false, versions }
}

/** Whether a version is offered as it looks now, and if not, how long to wait for what. */
function judge(
  place: VersionPlace,
  sight: VersionSight,
  before: Watched | undefined,
  previous: Scan | undefined,
  { settleMs, offer }: ScanOptions,
): { watched: Watched; waitingFor: string; leftMs: number } {
  const { fingerprint } = sight
  const now = performance.now()
  // What lay there before the first look has been still since the file system last changed it.
  const stillSinceMs =
    before?.sight.fingerprint === fingerprint
      ? before.stillSinceMs
      : now - (previous === undefined ? Math.max(0, Date.now() - sight.changedAtMs) : 0)
  const { waitingFor, stillMs } = completenessOf(sight, settleMs)
  let offered = before?.offered
  const leftMs = offered?.fingerprint === fingerprint ? 0 : stillSinceMs + stillMs - now
  if (leftMs <= 0 && offered?.fingerprint !== fingerprint) offered = offer(place, fingerprint)
  return { watched: { sight, stillSinceMs, offered }, waitingFor, leftMs }
}

function lost({ root }: Layout, previous: Scan, reason: string): Scan {
  const problem = { path: root, reason: `${reason}: its versions last seen are kept` }
  const aspired = { ...previous.aspired, problems: [problem] }
  return { ...previous, aspired, dueInMs: Infinity, rootLost: true }
}

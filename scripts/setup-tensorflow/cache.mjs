import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { SetupError, step } from './report.mjs'

const LOCK_STALE_MS = 60_000
const LOCK_TOUCH_MS = 10_000
const WAIT_MAX_MS = 15 * 60_000

/** The addon's name, in the cache as in the package. */
export const ADDON = 'tfjs_binding.node'

/**
 * Where this artifact is kept between installs: outside node_modules, in cutover's cache.
 *
 * @param {import('./artifacts.mjs').Artifact} artifact
 * @param {NodeJS.ProcessEnv} env
 */
export function cacheDirFor({ key }, env) {
  const user = env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache')
  const base = env['CUTOVER_CACHE_DIR'] || path.join(user, 'cutover')
  return path.resolve(base, 'tensorflow', key)
}

/**
 * Calls `make` with a place that is free and gives what it made there the name `place`, instead
 * of what had it before. A run that was interrupted leaves nothing that looks finished.
 *
 * @param {string} place of a file or a directory
 * @param {(staging: string) => Promise<void>} make
 */
export async function inPlace(place, make) {
  const staging = `${place}.staging`
  try {
    rmSync(staging, { recursive: true, force: true })
    await make(staging)
    rmSync(place, { recursive: true, force: true })
    renameSync(staging, place)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

/**
 * Calls `work` while no other process does; another one's is waited for, with a bound.
 *
 * @template T
 * @param {string} lockFile
 * @param {AbortSignal} signal
 * @param {() => Promise<T>} work
 */
export async function holding(lockFile, signal, work) {
  mkdirSync(path.dirname(lockFile), { recursive: true })
  const release = await lock(lockFile, signal)
  try {
    return await work()
  } finally {
    release()
  }
}

/**
 * A lock file whose holder touches it; one that was not touched for a minute has lost its holder.
 *
 * @param {string} file
 * @param {AbortSignal} signal
 */
async function lock(file, signal) {
  const deadline = Date.now() + WAIT_MAX_MS
  for (let told = false; ; told = true) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      const timer = setInterval(() => writeFileSync(file, String(process.pid)), LOCK_TOUCH_MS)
      return () => {
        clearInterval(timer)
        rmSync(file, { force: true })
      }
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error
    }
    const touched = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (Date.now() - touched > LOCK_STALE_MS) rmSync(file, { force: true })
    else if (Date.now() > deadline) throw new SetupError(`another run holds ${file}; remove it`)
    else {
      if (!told) step('another run is setting it up; waiting for it')
      await sleep(500, undefined, { signal })
    }
  }
}

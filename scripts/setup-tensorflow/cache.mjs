import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { SetupError, step } from './report.mjs'

const LOCK_STALE_MS = 60_000
const LOCK_TOUCH_MS = 10_000
const WAIT_MAX_MS = 15 * 60_000

/**
 * Where this artifact is kept between installs: outside node_modules, in the user's cache.
 *
 * @param {import('./artifacts.mjs').Artifact} artifact
 */
export function cacheDirFor({ key }) {
  const base = process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache')
  return path.join(base, 'cutover', 'tensorflow', key)
}

/**
 * Calls `make` with a fresh directory and gives it the name `dir` when it is done, unless it is
 * there already or another process is making it, which is waited for. A run that was interrupted
 * leaves nothing that looks finished.
 *
 * @param {string} dir
 * @param {{ force: boolean }} options
 * @param {(staging: string) => Promise<void>} make
 */
export async function makeOnce(dir, { force }, make) {
  mkdirSync(path.dirname(dir), { recursive: true })
  const release = await lock(`${dir}.lock`)
  const staging = `${dir}.staging`
  try {
    if (existsSync(dir) && !force) return
    rmSync(staging, { recursive: true, force: true })
    mkdirSync(staging)
    await make(staging)
    rmSync(dir, { recursive: true, force: true })
    renameSync(staging, dir)
  } finally {
    rmSync(staging, { recursive: true, force: true })
    release()
  }
}

/**
 * A lock file whose holder touches it; one that was not touched for a minute has lost its holder.
 *
 * @param {string} file
 */
async function lock(file) {
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
      await sleep(500)
    }
  }
}

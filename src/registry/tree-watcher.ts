import { realpath } from 'node:fs/promises'
import path from 'node:path'

import { type FSWatcher, watch } from 'chokidar'

import type { Layout } from './layout.ts'

export interface TreeWatcher {
  close(): Promise<void>
}

/**
 * Calls `onHint` when something below the layout's root may have changed, and once when all of it
 * is watched. Hints may be lost, so whoever relies on them looks now and then, too. Calls
 * `onFailure` at most once, when the system cannot watch.
 */
export async function watchTree(
  { root, depth, concerns }: Layout,
  { onHint, onFailure }: { onHint: () => void; onFailure: (error: unknown) => void },
): Promise<TreeWatcher> {
  const real = await realpath(root)
  const watcher: FSWatcher = watch(real, {
    ignored: (file) => file !== real && !concerns(path.relative(real, file)),
    ignoreInitial: true,
    followSymlinks: false,
    ignorePermissionErrors: true,
    // Folds a removal and an addition into one change, after a delay and for some names never.
    atomic: false,
    ...(depth === undefined ? {} : { depth }),
  })
  let failed = false
  watcher.on('all', onHint)
  watcher.on('ready', onHint)
  watcher.on('error', (error) => {
    if (failed) return
    failed = true
    onFailure(error)
  })
  return { close: () => watcher.close() }
}

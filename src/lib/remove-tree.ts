import { chmod, readdir, rm } from 'node:fs/promises'
import path from 'node:path'

import { unlessAbsent } from './system-error.ts'

/** Removes a directory with all it holds, read-only directories included. Absent is fine. */
export async function removeTree(dir: string): Promise<void> {
  await unlessAbsent(makeWritable(dir))
  await rm(dir, { recursive: true, force: true, maxRetries: 2 })
}

/** A file can be unlinked only from a directory that its owner may write to. */
async function makeWritable(dir: string): Promise<void> {
  await chmod(dir, 0o700)
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(path.join(dir, entry.name))
  }
}

import { mkdir, readdir, rename, stat } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import os from 'node:os'
import path from 'node:path'

import { processStart } from '../../lib/process-start.ts'
import { removeTree } from '../../lib/remove-tree.ts'
import { isAbsent, unlessAbsent } from '../../lib/system-error.ts'

const PREFIX = '.publishing-'
const OWNED = /^\.publishing-[0-9a-f]+\.(?<pid>\d+)\.(?<start>\d+)\.[0-9a-f]+@(?<host>.*)$/
/** What a publisher on another machine has left for so long, it does not come back to. */
const ABANDONED_AFTER_MS = 24 * 3600 * 1000

/**
 * A directory in which one publisher, and nobody else, gets a version ready, beside the versions
 * of its model and hidden. One that an interrupted publisher of the same content left is taken
 * over with what it holds; what else was left there is removed.
 */
export async function openStaging(modelDir: string, contentDigest: string): Promise<string> {
  const content = contentDigest.slice(0, 16)
  const own = path.join(modelDir, nameOf(content))
  let isTaken = false
  for (const name of await readdir(modelDir)) {
    const left = path.join(modelDir, name)
    if (!name.startsWith(PREFIX) || !(await isAbandoned(left, name))) continue
    // A rename has one winner: of publishers who find the same directory, one gets it.
    if (!isTaken && name.startsWith(`${PREFIX}${content}.`)) isTaken = await take(left, own)
    else await removeTree(left)
  }
  await mkdir(own, { recursive: true })
  return own
}

/** `.publishing-<content>.<pid>.<start>.<unique>@<host>` */
function nameOf(content: string): string {
  const owner = [process.pid, processStart(process.pid) ?? 0, randomUUID().slice(0, 8)].join('.')
  return `${PREFIX}${content}.${owner}@${os.hostname()}`
}

async function isAbandoned(dir: string, name: string): Promise<boolean> {
  const { pid, start, host } = OWNED.exec(name)?.groups ?? {}
  // In a container the next process often has the number of the last.
  if (host === os.hostname()) return processStart(Number(pid)) !== Number(start)
  const changedAt = await unlessAbsent(stat(dir))
  return changedAt !== undefined && Date.now() - changedAt.ctimeMs > ABANDONED_AFTER_MS
}

async function take(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}

import { mkdir, readdir, rename, stat } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import os from 'node:os'
import path from 'node:path'

import { removeTree } from '../../lib/remove-tree.ts'
import { isAbsent, systemCode } from '../../lib/system-error.ts'

const PREFIX = '.publishing-'
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

/** `.publishing-<content>.<pid>.<unique>@<host>` */
function nameOf(content: string): string {
  const unique = randomUUID().slice(0, 8)
  return `${PREFIX}${content}.${process.pid}.${unique}@${os.hostname()}`
}

async function isAbandoned(dir: string, name: string): Promise<boolean> {
  const [, pid, host] = /^\.publishing-[0-9a-f]+\.(\d+)\.[0-9a-f]+@(.*)$/.exec(name) ?? []
  if (host === os.hostname()) return !isAlive(Number(pid))
  const changedAt = await stat(dir).catch((error: unknown) => {
    if (isAbsent(error)) return undefined
    throw error
  })
  return changedAt !== undefined && Date.now() - changedAt.ctimeMs > ABANDONED_AFTER_MS
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process is one, too.
    return systemCode(error) !== 'ESRCH'
  }
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

import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'

/**
 * Makes a directory, and those above it that are not there, each with `mode`. Node's own `recursive`
 * tries for ever where a file system lets nothing be made and says that it is absent, as /proc does.
 */
export async function makeDirectory(dir: string, mode: number): Promise<void> {
  if (await isDirectory(dir)) return
  const parent = path.dirname(dir)
  if (parent !== dir) await makeDirectory(parent, mode)
  try {
    await mkdir(dir, { mode })
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!(await isDirectory(dir))) throw error
  }
}

async function isDirectory(dir: string): Promise<boolean> {
  try {
    return (await stat(dir)).isDirectory()
  } catch {
    return false
  }
}

import { open } from 'node:fs/promises'

import { systemCode } from './system-error.ts'

/** On the disk when this resolves: the names in a directory, which outlive a power cut then. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } catch (error) {
    // Some network file systems know of no such thing.
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(systemCode(error) ?? '')) throw error
  } finally {
    await handle.close()
  }
}

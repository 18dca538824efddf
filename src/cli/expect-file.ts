import { stat } from 'node:fs/promises'

import { CutoverError } from '../domain/errors.ts'
import { unlessAbsent } from '../lib/system-error.ts'

/** Throws CONFIG_INVALID when that is no file. */
export async function expectFile(file: string): Promise<void> {
  const stats = await unlessAbsent(stat(file))
  if (stats?.isFile()) return
  throw new CutoverError('CONFIG_INVALID', `there is no file ${file}`)
}

/** Throws CONFIG_INVALID when that is no directory. */
export async function expectDirectory(dir: string): Promise<void> {
  const stats = await unlessAbsent(stat(dir))
  if (stats?.isDirectory()) return
  throw new CutoverError('CONFIG_INVALID', `there is no directory ${dir}`)
}

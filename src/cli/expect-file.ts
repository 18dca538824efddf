import { stat } from 'node:fs/promises'

import { CutoverError } from '../domain/errors.ts'
import { isAbsent } from '../lib/system-error.ts'

/** Throws CONFIG_INVALID when that is no file. */
export async function expectFile(file: string): Promise<void> {
  const stats = await stat(file).catch((error: unknown) => {
    if (isAbsent(error)) return undefined
    throw error
  })
  if (stats?.isFile()) return
  throw new CutoverError('CONFIG_INVALID', `there is no file ${file}`)
}

import { randomBytes } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'

/**
 * Writes a file that only its owner may read. A reader, and a crash, finds the old text or the new
 * one; a crash may leave a file whose name begins with a dot.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = path.join(path.dirname(file), `.${randomBytes(6).toString('hex')}`)
  await writeFile(temporary, text, { mode: 0o600, flush: true })
  await rename(temporary, file)
}

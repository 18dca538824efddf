import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import path from 'node:path'

import { CutoverError, messageOf } from '../../domain/errors.ts'
import { syncDirectory } from '../../lib/sync-directory.ts'
import { isAbsent, systemCode, unlessAbsent } from '../../lib/system-error.ts'
import { DOCUMENT_BYTES_MAX, type DocumentStore, type StoredDocument } from './document-store.ts'

const STATE = /^state\.(\d{1,15})\.json$/
/** The newest document, and one that somebody may just be reading. */
const KEPT = 2
const READS_MAX = 10

/**
 * `<model>/control/state.<number>.json` in a folder; the highest number is the document. There is
 * no lock: who makes the file with the next number, by a hard link that appears whole or not at
 * all, has replaced the document. So a writer that is killed leaves the old document or the new
 * one and blocks nobody, and it works on a shared file system.
 */
export class ControlFolder implements DocumentStore {
  readonly #dirOf: (model: string) => string

  /** `dirOf` names the directory of a model. */
  constructor(dirOf: (model: string) => string) {
    this.#dirOf = dirOf
  }

  async read(model: string): Promise<StoredDocument | undefined> {
    const dir = this.#controlDir(model)
    return translated(`reading ${dir}`, async () => {
      for (let reads = 0; reads < READS_MAX; reads++) {
        const newest = Math.max(...(await numbersIn(dir)))
        if (newest < 0) return undefined
        const file = path.join(dir, nameOf(newest))
        try {
          if ((await stat(file)).size > DOCUMENT_BYTES_MAX) throw new Error(`${file} is too large`)
          return { text: await readFile(file, 'utf8'), tag: String(newest) }
        } catch (error) {
          // Newer ones came, and it went.
          if (!isAbsent(error)) throw error
        }
      }
      throw new Error('it is written to faster than it can be read')
    })
  }

  async write(
    model: string,
    text: string,
    before: string | undefined,
  ): Promise<string | undefined> {
    const dir = this.#controlDir(model)
    return translated(`writing ${dir}`, async () => {
      await mkdir(dir, { recursive: true })
      const number = before === undefined ? 1 : Number(before) + 1
      const temporary = path.join(dir, `.${randomBytes(8).toString('hex')}.tmp`)
      try {
        await writeDurably(temporary, text)
        await link(temporary, path.join(dir, nameOf(number)))
      } catch (error) {
        if (systemCode(error) === 'EEXIST') return undefined
        throw error
      } finally {
        await rm(temporary, { force: true })
      }
      const numbers = await numbersIn(dir)
      // The number was free because it is long past: others wrote on and cleared it away.
      if (numbers.some((other) => other > number)) {
        await rm(path.join(dir, nameOf(number)), { force: true })
        return undefined
      }
      await syncDirectory(dir)
      for (const old of numbers.filter((other) => other >= 0 && other <= number - KEPT)) {
        await rm(path.join(dir, nameOf(old)), { force: true })
      }
      return String(number)
    })
  }

  #controlDir(model: string): string {
    return path.join(this.#dirOf(model), 'control')
  }
}

function nameOf(number: number): string {
  return `state.${number}.json`
}

/** Begins with -1, so that there is a highest one. */
async function numbersIn(dir: string): Promise<number[]> {
  const names = (await unlessAbsent(readdir(dir))) ?? []
  return [-1, ...names.flatMap((name) => STATE.exec(name)?.[1] ?? []).map(Number)]
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o644)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function translated<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    const sentence = `${what}: ${messageOf(error)}`
    throw new CutoverError('REGISTRY_UNAVAILABLE', sentence, { cause: error })
  }
}

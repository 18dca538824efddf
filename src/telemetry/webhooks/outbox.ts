import { mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises'
import path from 'node:path'

import { CutoverError, messageOf } from '../../domain/errors.ts'
import { isAbandoned, ownedPrefix } from '../../lib/process-identity.ts'
import { replaceFile } from '../../lib/replace-file.ts'
import { isAbsent } from '../../lib/system-error.ts'
import { type Delivery, encodeDelivery, parseDelivery } from '../../wire/delivery.ts'

/** Told of what cannot be kept or read, in a sentence. */
export type OnProblem = (sentence: string) => void

/**
 * The deliveries that are not done, on the disk: a directory of this process alone, one file each.
 * What a process of this host left when it ended belongs to the next one that starts.
 */
export class Outbox {
  readonly #dir: string
  readonly #onProblem: OnProblem

  private constructor(dir: string, onProblem: OnProblem) {
    this.#dir = dir
    this.#onProblem = onProblem
  }

  /**
   * Makes a directory below `parent` and moves there what dead processes left. Resolves with it in
   * the order in which it was accepted. Throws CONFIG_INVALID when no directory can be made.
   */
  static async open(
    parent: string,
    onProblem: OnProblem,
  ): Promise<{ readonly outbox: Outbox; readonly adopted: readonly Delivery[] }> {
    try {
      await mkdir(parent, { recursive: true, mode: 0o700 })
      const outbox = new Outbox(await mkdtemp(path.join(parent, ownedPrefix())), onProblem)
      for (const name of await readdir(parent)) {
        if (isAbandoned(name)) await outbox.#adopt(path.join(parent, name))
      }
      return { outbox, adopted: await outbox.#readAll() }
    } catch (error) {
      throw new CutoverError(
        'CONFIG_INVALID',
        `what webhooks are sent cannot be kept in ${parent} (${messageOf(error)}): ` +
          'give another directory with --cache-dir',
        { cause: error },
      )
    }
  }

  /** Resolves in any case: what cannot be kept is sent nevertheless. */
  async save(delivery: Delivery): Promise<void> {
    try {
      await replaceFile(this.#fileOf(delivery), encodeDelivery(delivery))
    } catch (error) {
      this.#onProblem(`an event for a webhook would not survive a restart: ${messageOf(error)}`)
    }
  }

  async remove(delivery: Delivery): Promise<void> {
    await rm(this.#fileOf(delivery), { force: true }).catch((error: unknown) => {
      this.#onProblem(`a webhook may get an event twice: ${messageOf(error)}`)
    })
  }

  /** What is not delivered stays for the next process. */
  async close(): Promise<void> {
    await rmdir(this.#dir).catch(() => undefined)
  }

  #fileOf({ id }: Delivery): string {
    return path.join(this.#dir, `${id}.json`)
  }

  /** Two servers that start at once may find the same directory: a rename has one winner. */
  async #adopt(left: string): Promise<void> {
    const claimed = await mkdtemp(path.join(path.dirname(left), ownedPrefix()))
    try {
      await rename(left, claimed)
    } catch (error) {
      await rmdir(claimed)
      if (isAbsent(error)) return
      this.#onProblem(`${left} holds events for webhooks that cannot be sent: ${messageOf(error)}`)
      return
    }
    for (const name of await readdir(claimed)) {
      const file = path.join(claimed, name)
      if (name.startsWith('.')) await rm(file, { force: true })
      else await rename(file, path.join(this.#dir, name))
    }
    await rmdir(claimed)
  }

  async #readAll(): Promise<Delivery[]> {
    const deliveries: Delivery[] = []
    for (const name of await readdir(this.#dir)) {
      const file = path.join(this.#dir, name)
      try {
        const delivery = parseDelivery(await readFile(file), file)
        if (this.#fileOf(delivery) !== file) throw new Error(`${file} is not what its name says`)
        deliveries.push(delivery)
      } catch (error) {
        this.#onProblem(`an event for a webhook was lost: ${messageOf(error)}`)
        await rm(file, { force: true, recursive: true })
      }
    }
    return deliveries.sort((a, b) => a.sequence - b.sequence)
  }
}

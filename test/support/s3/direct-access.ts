import { createHash } from 'node:crypto'

import { type Content, digestOf, inMemory, onDisk, readAll, synthetic } from './content.ts'
import type { ObjectStore } from './store.ts'

/** The objects of a bucket for a test to see and change, with no request. */
export class DirectAccess {
  readonly #store: ObjectStore

  constructor(store: ObjectStore) {
    this.#store = store
  }

  put(key: string, body: string | Uint8Array, lastModified?: Date): void {
    const bytes = Buffer.from(body)
    this.#put(key, inMemory([bytes]), createHash('md5').update(bytes).digest('hex'), lastModified)
  }

  /** An object that is read from a file, which has to stay as it is. */
  putFile(key: string, file: string): void {
    this.#put(key, onDisk(file), createHash('md5').update(`file ${file}`).digest('hex'))
  }

  /**
   * An object of any size that takes no memory: the same seed gives the same bytes.
   * Resolves with what a manifest says about it.
   */
  async putSynthetic(
    key: string,
    bytes: number,
    seed = 0,
  ): Promise<{ readonly bytes: number; readonly sha256: string }> {
    const content = synthetic(bytes, seed)
    this.#put(key, content, createHash('md5').update(`synthetic ${bytes} ${seed}`).digest('hex'))
    return { bytes, sha256: await digestOf(content, 'sha256') }
  }

  async get(key: string): Promise<Buffer | undefined> {
    const object = this.#store.get(key)
    return object === undefined ? undefined : readAll(object.content)
  }

  etag(key: string): string | undefined {
    return this.#store.get(key)?.etag
  }

  delete(key: string): void {
    this.#store.delete(key)
  }

  /** Every key that starts with the prefix, in order. */
  list(prefix = ''): string[] {
    return this.#store.keys.filter((key) => key.startsWith(prefix))
  }

  #put(key: string, content: Content, md5: string, lastModified = new Date()): void {
    const headers = { 'content-type': 'binary/octet-stream' }
    this.#store.put(key, { content, etag: `"${md5}"`, lastModified, headers })
  }
}

import type { DocumentStore, StoredDocument } from './document-store.ts'

/** For what is served without a registry: documents end with the process. */
export class MemoryStore implements DocumentStore {
  readonly #documents = new Map<string, StoredDocument>()
  #writes = 0

  read(model: string): Promise<StoredDocument | undefined> {
    return Promise.resolve(this.#documents.get(model))
  }

  write(model: string, text: string, before: string | undefined): Promise<string | undefined> {
    if (this.#documents.get(model)?.tag !== before) return Promise.resolve(undefined)
    const tag = `memory ${++this.#writes}`
    this.#documents.set(model, { text, tag })
    return Promise.resolve(tag)
  }
}

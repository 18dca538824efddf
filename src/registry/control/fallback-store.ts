import { type CutoverError, messageOf } from '../../domain/errors.ts'
import { systemCode } from '../../lib/system-error.ts'
import type { DocumentStore, StoredDocument } from './document-store.ts'
import { MemoryStore } from './memory-store.ts'

const READ_ONLY: ReadonlySet<string> = new Set(['EROFS', 'EACCES', 'EPERM'])
const FORBIDDEN: ReadonlySet<number> = new Set([401, 403, 405, 501])

/**
 * A store that may turn out to be for reading only. Serving goes on then, and what is decided is
 * remembered by this process alone.
 */
export class FallbackStore implements DocumentStore {
  readonly #store: DocumentStore
  readonly #onReadOnly: (reason: string) => void
  readonly #memory = new MemoryStore()
  #isReadOnly = false

  constructor(store: DocumentStore, onReadOnly: (reason: string) => void) {
    this.#store = store
    this.#onReadOnly = onReadOnly
  }

  async read(model: string, signal: AbortSignal): Promise<StoredDocument | undefined> {
    const remembered = await this.#memory.read(model)
    return remembered ?? this.#store.read(model, signal)
  }

  async write(
    model: string,
    text: string,
    before: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (!this.#isReadOnly) {
      try {
        return await this.#store.write(model, text, before, signal)
      } catch (error) {
        if (!isReadOnly(error as CutoverError)) throw error
        this.#isReadOnly = true
        this.#onReadOnly(messageOf(error))
      }
    }
    return this.#memory.replace(model, text, before)
  }
}

function isReadOnly({ cause }: CutoverError): boolean {
  const metadata = (cause as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata
  return READ_ONLY.has(systemCode(cause) ?? '') || FORBIDDEN.has(metadata?.httpStatusCode ?? 0)
}

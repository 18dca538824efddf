import { type CutoverError, messageOf } from '../../domain/errors.ts'
import { Mutex } from '../../lib/mutex.ts'
import { isDiskFull, systemCode } from '../../lib/system-error.ts'
import type { DocumentStore, StoredDocument } from './document-store.ts'

/** A file system for reading only, or one without the hard links that a document is made with. */
const UNABLE: ReadonlySet<string> = new Set([
  'EROFS',
  'EACCES',
  'EPERM',
  'ENOTSUP',
  'ENOSYS',
  'EMLINK',
])
const FORBIDDEN: ReadonlySet<number> = new Set([401, 403, 405, 501])
const RETRY_AFTER_MS = 30_000
/** Begins the tags given here, which no store's tag begins with. */
const REMEMBERED = 'remembered '

/** What a model's store refused to take. */
interface Remembered extends StoredDocument {
  /** The tag of the store's document, which this one stands in for; undefined where it has none. */
  readonly insteadOf: string | undefined
  /** By `performance.now()`: when the store is to be tried again. */
  readonly retryAt: number
}

/**
 * A store that may turn out to be for reading only, for good or, where a disk is full, for a while.
 * Serving goes on then, and what is decided is remembered by this process alone: until the store
 * takes a later document, or holds one that somebody else has put there since.
 */
export class FallbackStore implements DocumentStore {
  readonly #store: DocumentStore
  readonly #onReadOnly: (reason: string) => void
  readonly #retryAfterMs: number
  readonly #remembered = new Map<string, Remembered>()
  readonly #writes = new Map<string, Mutex>()
  #tags = 0

  /** `onReadOnly` is told when the first document is remembered, not of every one. */
  constructor(
    store: DocumentStore,
    onReadOnly: (reason: string) => void,
    { retryAfterMs = RETRY_AFTER_MS } = {},
  ) {
    this.#store = store
    this.#onReadOnly = onReadOnly
    this.#retryAfterMs = retryAfterMs
  }

  async read(model: string, signal: AbortSignal): Promise<StoredDocument | undefined> {
    const found = await this.#store.read(model, signal)
    const remembered = this.#remembered.get(model)
    if (remembered === undefined || remembered.insteadOf !== found?.tag) return found
    return { text: remembered.text, tag: remembered.tag }
  }

  /** One at a time for a model: a write that the store takes must not pass one it has refused. */
  write(
    model: string,
    text: string,
    before: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const mutex = this.#writes.get(model) ?? new Mutex()
    this.#writes.set(model, mutex)
    return mutex.run(() => this.#writeNext(model, text, before, signal))
  }

  async #writeNext(
    model: string,
    text: string,
    before: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const remembered = this.#remembered.get(model)
    const isNext = remembered !== undefined && before === remembered.tag
    const insteadOf = isNext ? remembered.insteadOf : before
    // Replaced or forgotten here: the store must not be asked, which knows no such tag, or only it.
    const isPast = remembered !== undefined && !isNext && before === remembered.insteadOf
    if (isPast || insteadOf?.startsWith(REMEMBERED)) return undefined

    let retryAt = remembered?.retryAt ?? 0
    let reason = ''
    if (performance.now() >= retryAt) {
      try {
        const tag = await this.#store.write(model, text, insteadOf, signal)
        // It took this document or holds another one: what is remembered is past either way.
        this.#remembered.delete(model)
        return tag
      } catch (error) {
        if (!isReadOnly(error as CutoverError)) throw error
        reason = messageOf(error)
        retryAt = performance.now() + this.#retryAfterMs
      }
    }

    const found = await this.#store.read(model, signal)
    if (found?.tag !== insteadOf) return undefined
    if (this.#remembered.size === 0) this.#onReadOnly(reason)
    const tag = `${REMEMBERED}${++this.#tags}`
    this.#remembered.set(model, { text, tag, insteadOf, retryAt })
    return tag
  }
}

function isReadOnly({ cause }: CutoverError): boolean {
  const metadata = (cause as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata
  const isForbidden = FORBIDDEN.has(metadata?.httpStatusCode ?? 0)
  return isForbidden || UNABLE.has(systemCode(cause) ?? '') || isDiskFull(cause)
}

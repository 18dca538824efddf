/** A small document of a model that several servers write to, and a tag that names its state. */
export interface StoredDocument {
  readonly text: string
  /** Opaque; what `write` is given to say which state it replaces. */
  readonly tag: string
}

/**
 * One document per model, replaced by compare-and-set. Every text must be unlike all others that
 * were ever written for the model: a write whose answer was lost is recognised by its text.
 *
 * Throws REGISTRY_UNAVAILABLE when the registry cannot be read or written now.
 */
export interface DocumentStore {
  read(model: string, signal: AbortSignal): Promise<StoredDocument | undefined>
  /**
   * Replaces the document that `before` is the tag of, or makes the first one. Answers its tag, or
   * undefined when another writer was first: read again.
   */
  write(
    model: string,
    text: string,
    before: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined>
}

/** More than any such document needs. */
export const DOCUMENT_BYTES_MAX = 1024 ** 2

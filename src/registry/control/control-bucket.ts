import { CutoverError } from '../../domain/errors.ts'
import type { S3Bucket } from '../s3/bucket.ts'
import { DOCUMENT_BYTES_MAX, type DocumentStore, type StoredDocument } from './document-store.ts'

/** `<model>/control/state.json` in a bucket, by S3's conditional writes. */
export class ControlBucket implements DocumentStore {
  readonly #bucket: S3Bucket

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket
  }

  async read(model: string, signal: AbortSignal): Promise<StoredDocument | undefined> {
    const found = await this.#bucket.get(keyOf(model), signal, { bytesMax: DOCUMENT_BYTES_MAX })
    if (found === undefined || found === 'changed') return undefined
    // Without an ETag there is nothing to compare a write with.
    if (found.etag === '') {
      throw new CutoverError('REGISTRY_UNAVAILABLE', `${keyOf(model)} came without an ETag`)
    }
    return { text: found.body.toString('utf8'), tag: found.etag }
  }

  async write(
    model: string,
    text: string,
    before: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    try {
      const tag = await this.#bucket.put(keyOf(model), text, signal, before)
      if (tag !== undefined) return tag
    } catch (error) {
      // The answer may have been lost on its way back.
      const tag = await this.#tagIfWritten(model, text, signal).catch(() => undefined)
      if (tag !== undefined) return tag
      throw error
    }
    // The SDK may have sent it twice, and the second time found what the first one wrote.
    return this.#tagIfWritten(model, text, signal)
  }

  async #tagIfWritten(
    model: string,
    text: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const found = await this.read(model, signal)
    return found?.text === text ? found.tag : undefined
  }
}

function keyOf(model: string): string {
  return `${model}/control/state.json`
}

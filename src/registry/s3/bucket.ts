import type { Readable } from 'node:stream'

import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

import { CutoverError } from '../../domain/errors.ts'
import { describeBytes } from '../../lib/describe-bytes.ts'
import { fetchPage, type Listing, walkListing } from './listing.ts'
import type { S3Location } from './location.ts'
import { isKeyAbsent, registryError, statusOf } from './s3-error.ts'

const URL_VALID_SECONDS = 3600
const DELETED_AT_ONCE_MAX = 1000
const PART_BYTES = 16 * 1024 ** 2
/** Other writers are at it: ask again. */
const CONFLICT = 409
const PRECONDITION_FAILED = 412
const CONFLICTS_MAX = 5
/** What the credentials must allow. */
const TO_WRITE = 's3:PutObject'
const TO_DELETE = 's3:DeleteObject'

export interface BucketOptions {
  readonly location: S3Location
  /** For every answer but the bytes of files: from asking to its last byte. */
  readonly requestTimeoutMs: number
}

/** The bytes of a small object and what names their state. */
export interface SmallObject {
  readonly body: Buffer
  readonly etag: string
}

/**
 * The part of a bucket below a prefix. Keys are relative to that prefix. Every method throws
 * REGISTRY_UNAVAILABLE with one line that says what was tried and what came of it, or the
 * signal's reason.
 */
export class S3Bucket {
  readonly location: S3Location
  readonly #client: S3Client
  readonly #requestTimeoutMs: number

  constructor(client: S3Client, { location, requestTimeoutMs }: BucketOptions) {
    this.#client = client
    this.location = location
    this.#requestTimeoutMs = requestTimeoutMs
  }

  /** All objects below a prefix, their keys whole. See walkListing for `previous`. */
  list(prefix: string, signal: AbortSignal, previous?: Listing): Promise<Listing> {
    const { bucket } = this.location
    const full = this.#keyOf(prefix)
    const page = (token: string | undefined) =>
      this.#do(`listing ${this.location.url}`, signal, (abort) =>
        fetchPage(this.#client, { bucket, prefix: full, token }, abort),
      )
    return walkListing(page, previous)
  }

  /**
   * A small object; undefined when there is none. With `ifMatch`, `changed` when its ETag is
   * another one. Throws `tooLarge()` when it has more than `bytesMax` bytes, of which no more are
   * read.
   */
  async get(
    key: string,
    signal: AbortSignal,
    { bytesMax, ifMatch }: { bytesMax: number; ifMatch?: string | undefined },
  ): Promise<SmallObject | 'changed' | undefined> {
    try {
      return await this.#do(`reading ${key}`, signal, async (abortSignal) => {
        const { Body, ETag = '' } = await this.#client.send(
          new GetObjectCommand({ ...this.#object(key), IfMatch: ifMatch }),
          { abortSignal },
        )
        const body = await collect(Body as Readable, bytesMax, key)
        return { body, etag: ETag }
      })
    } catch (error) {
      const { cause } = error as CutoverError
      if (isKeyAbsent(cause)) return undefined
      if (statusOf(cause) === PRECONDITION_FAILED) return 'changed'
      throw error
    }
  }

  /** A URL that lets its holder read the object for an hour, without credentials. */
  presign(key: string): Promise<string> {
    const command = new GetObjectCommand(this.#object(key))
    return getSignedUrl(this.#client, command, { expiresIn: URL_VALID_SECONDS }).catch((error) => {
      throw registryError(`signing for ${key}`, error)
    })
  }

  /**
   * Writes a small object where none is; or over the one whose ETag is `ifMatch`. Answers its
   * ETag, or undefined when another writer was first. An answer that got lost may make one's own
   * write look like another's: who must know reads the object and compares.
   */
  async put(
    key: string,
    body: string,
    signal: AbortSignal,
    ifMatch?: string,
  ): Promise<string | undefined> {
    const condition = ifMatch === undefined ? { IfNoneMatch: '*' } : { IfMatch: ifMatch }
    for (let conflicts = 0; ; conflicts++) {
      try {
        const input: PutObjectCommandInput = {
          ...this.#object(key),
          ...condition,
          Body: body,
          ContentType: 'application/json',
        }
        const write = async (abortSignal: AbortSignal) => {
          const command = new PutObjectCommand(input)
          const { ETag = '' } = await this.#client.send(command, { abortSignal })
          return ETag
        }
        return await this.#do(`writing ${key}`, signal, write, TO_WRITE)
      } catch (error) {
        const { cause } = error as CutoverError
        const status = statusOf(cause)
        // What is not there any more was deleted by another.
        if (status === PRECONDITION_FAILED || (ifMatch !== undefined && isKeyAbsent(cause))) {
          return undefined
        }
        if (status !== CONFLICT || conflicts >= CONFLICTS_MAX) throw error
      }
    }
  }

  /** The bytes of an object of any size. Throws VERSION_INCOMPLETE when there is none. */
  async *open(key: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
    try {
      const command = new GetObjectCommand(this.#object(key))
      const { Body } = await this.#client.send(command, { abortSignal: signal })
      yield* Body as Readable as AsyncIterable<Buffer>
    } catch (error) {
      signal.throwIfAborted()
      if (isKeyAbsent(error)) throw new CutoverError('VERSION_INCOMPLETE', `${key} is missing`)
      throw registryError(`reading ${key}`, error)
    }
  }

  /**
   * Writes an object of any size where none is, in parts when it is large. Answers false when
   * there is one, which may be one's own: an answer can get lost.
   */
  async upload(
    key: string,
    body: Readable,
    signal: AbortSignal,
    onProgress: (bytes: number) => void,
  ): Promise<boolean> {
    const upload = new Upload({
      client: this.#client,
      params: { ...this.#object(key), Body: body, IfNoneMatch: '*' },
      partSize: PART_BYTES,
      queueSize: 2,
    })
    upload.on('httpUploadProgress', ({ loaded }) => onProgress(loaded ?? 0))
    const stop = () => void upload.abort()
    signal.addEventListener('abort', stop, { once: true })
    try {
      signal.throwIfAborted()
      await upload.done()
      return true
    } catch (error) {
      signal.throwIfAborted()
      if (upload.uploadId !== undefined) await this.#giveUp(key, upload.uploadId, signal)
      if (statusOf(error) === PRECONDITION_FAILED) return false
      throw registryError(`uploading ${key}`, error, TO_WRITE)
    } finally {
      signal.removeEventListener('abort', stop)
      body.destroy()
    }
  }

  /** Deletes objects; those that are not there are none the less deleted. */
  async remove(keys: readonly string[], signal: AbortSignal): Promise<void> {
    for (let at = 0; at < keys.length; at += DELETED_AT_ONCE_MAX) {
      const some = keys.slice(at, at + DELETED_AT_ONCE_MAX)
      const Delete = { Objects: some.map((key) => ({ Key: this.#keyOf(key) })), Quiet: true }
      const remove = async (abortSignal: AbortSignal) => {
        const Bucket = this.location.bucket
        const command = new DeleteObjectsCommand({ Bucket, Delete })
        const { Errors: [first] = [] } = await this.#client.send(command, { abortSignal })
        if (first === undefined) return
        const failure = new Error(`${first.Key}: ${first.Code} ${first.Message}`)
        throw Object.assign(failure, { name: first.Code })
      }
      await this.#do(`deleting in ${this.location.url}`, signal, remove, TO_DELETE)
    }
  }

  close(): void {
    this.#client.destroy()
  }

  /**
   * Removes the parts of an upload that came to nothing, which no listing shows but the bill. The
   * SDK does so when a part fails, not when the completion does.
   */
  async #giveUp(key: string, UploadId: string, signal: AbortSignal): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.#object(key), UploadId })
    const send = (abortSignal: AbortSignal) => this.#client.send(command, { abortSignal })
    // What stays is for the bucket's lifecycle rule.
    await this.#do(`giving up ${key}`, signal, send).catch(() => undefined)
  }

  #keyOf(key: string): string {
    return this.location.prefix + key
  }

  #object(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.location.bucket, Key: this.#keyOf(key) }
  }

  async #do<T>(
    what: string,
    signal: AbortSignal,
    action: (signal: AbortSignal) => Promise<T>,
    needed?: string,
  ): Promise<T> {
    const timeout = AbortSignal.timeout(this.#requestTimeoutMs)
    try {
      return await action(AbortSignal.any([signal, timeout]))
    } catch (error) {
      signal.throwIfAborted()
      if (!timeout.aborted) throw registryError(what, error, needed)
      const sentence = `${what}: no whole answer within ${this.#requestTimeoutMs} ms`
      throw new CutoverError('REGISTRY_UNAVAILABLE', sentence, { cause: error })
    }
  }
}

async function collect(body: Readable, bytesMax: number, key: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bytesMax) {
      body.destroy()
      throw new CutoverError('MANIFEST_INVALID', `${key} is larger than ${describeBytes(bytesMax)}`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

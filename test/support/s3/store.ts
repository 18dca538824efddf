import type { Checksum } from './checksums.ts'
import type { Content } from './content.ts'
import { S3Error } from './errors.ts'
import { inKeyOrder } from './listing.ts'
import type { Uploads } from './multipart.ts'

/** Never changed once it is stored: a write stores another one. */
export interface StoredObject {
  readonly content: Content
  /** With its quotes. */
  readonly etag: string
  readonly lastModified: Date
  readonly headers: Readonly<Record<string, string>>
  readonly checksum?: Checksum | undefined
}

/** What a listing shows: keys in order, and their objects. */
export interface ObjectsView {
  readonly keys: readonly string[]
  get(key: string): StoredObject | undefined
}

/** The objects of a bucket. Every method is synchronous: check and write are one step. */
export class ObjectStore implements ObjectsView {
  readonly #objects = new Map<string, StoredObject>()
  #keys: readonly string[] | undefined

  get keys(): readonly string[] {
    this.#keys ??= [...this.#objects.keys()].sort(inKeyOrder)
    return this.#keys
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key)
  }

  put(key: string, object: StoredObject): void {
    if (!this.#objects.has(key)) this.#keys = undefined
    this.#objects.set(key, object)
  }

  delete(key: string): void {
    if (this.#objects.delete(key)) this.#keys = undefined
  }

  /** The objects as they are now, whatever is written later. */
  snapshot(): ObjectsView {
    const objects = new Map(this.#objects)
    return { keys: this.keys, get: (key) => objects.get(key) }
  }
}

export interface Bucket {
  readonly objects: ObjectStore
  readonly uploads: Uploads
}

export type Buckets = Map<string, Bucket>

export function bucketNamed(buckets: Buckets, name: string): Bucket {
  const bucket = buckets.get(name)
  if (bucket === undefined) throw new S3Error('NoSuchBucket')
  return bucket
}

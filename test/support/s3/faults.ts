import type { S3ErrorCode } from './errors.ts'
import type { OperationName, S3Request } from './request.ts'
import type { ObjectsView } from './store.ts'

/** What goes wrong with a request. Several faults may meet one request: each adds its own. */
export type Effect =
  // Instead of an answer. Nothing is read or written.
  /** This and every other connection is reset, and new ones are refused: for so long, or until `up()`. */
  | { readonly kind: 'refuse'; readonly forMs?: number }
  | { readonly kind: 'reset' }
  /** The connection stays open, and nothing comes. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'error'; readonly code: S3ErrorCode; readonly status?: number }
  /** 200 with a page that is none of S3's. */
  | { readonly kind: 'page'; readonly contentType: string; readonly text: string }
  // After the request has been carried out.
  /** Reset before the first byte of the answer: the writer cannot know that it wrote. */
  | { readonly kind: 'lose-answer' }
  /** The listing as it was when the fault was injected. */
  | { readonly kind: 'stale-listing' }
  /** A listing whose next page is the same page again, for ever. */
  | { readonly kind: 'repeat-token' }
  // Another answer, well delivered.
  /** One bit of the middle byte, at the same length. */
  | { readonly kind: 'flip' }
  /** The first half, with the Content-Length of that half. */
  | { readonly kind: 'shorten' }
  /** The bytes of another object (the next in key order, if none is named) under this one's headers. */
  | { readonly kind: 'substitute'; readonly key?: string }
  /** Spaces after the content, up to so many bytes in all; chunked, if without a Content-Length. */
  | { readonly kind: 'pad'; readonly bytes: number; readonly isChunked?: boolean }
  /** Another ETag, or none, in the headers and in the listing. */
  | { readonly kind: 'etag'; readonly value?: string }
  // The right answer, badly delivered.
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Half of the body (or so many bytes), then an orderly close: Content-Length promised more. */
  | { readonly kind: 'truncate'; readonly afterBytes?: number }
  /** Half of the body (or so many bytes), then a reset. */
  | { readonly kind: 'reset-mid-body'; readonly afterBytes?: number }
  /** The whole body under a Content-Length that is so much larger (or smaller), then a close. */
  | { readonly kind: 'content-length'; readonly delta: number }

type OperationGroup = 'list' | 'get' | 'head' | 'put' | 'delete' | 'any'

export interface Fault {
  /** A group, where `put` is every step of an upload, or one operation of S3 by its name. */
  readonly operation: OperationGroup | OperationName
  /** Of a listing: its prefix. Default: every key. */
  readonly key?: RegExp
  /** So many requests that match pass first. Default: none. */
  readonly after?: number
  /** Default: Infinity. */
  readonly times?: number
  readonly effect: Effect
}

const GROUPS: Readonly<Record<OperationName, OperationGroup | undefined>> = {
  CreateBucket: undefined,
  DeleteBucket: undefined,
  HeadBucket: 'head',
  ListObjectsV2: 'list',
  ListMultipartUploads: undefined,
  GetObject: 'get',
  HeadObject: 'head',
  PutObject: 'put',
  DeleteObject: 'delete',
  DeleteObjects: 'delete',
  CreateMultipartUpload: 'put',
  UploadPart: 'put',
  CompleteMultipartUpload: 'put',
  AbortMultipartUpload: undefined,
}

/** One effect that meets one request. */
export interface Hit {
  readonly effect: Effect
  readonly staleView: ObjectsView
}

/** The faults in force, and how often each has struck. */
export class FaultPlan {
  readonly #active = new Map<Fault, { seen: number; readonly staleView: ObjectsView }>()

  add(fault: Fault, now: ObjectsView): void {
    this.#active.set({ ...fault }, { seen: 0, staleView: now })
  }

  clear(): void {
    this.#active.clear()
  }

  /** Counts the request against every fault that it matches. */
  take(request: S3Request): Hit[] {
    const hits: Hit[] = []
    for (const [fault, state] of this.#active) {
      if (!matches(fault, request)) continue
      const index = state.seen++ - (fault.after ?? 0)
      if (index < 0 || index >= (fault.times ?? Infinity)) continue
      hits.push({ effect: fault.effect, staleView: state.staleView })
    }
    return hits
  }
}

function matches({ operation, key }: Fault, request: S3Request): boolean {
  const isOperation =
    operation === 'any' ||
    operation === request.operation ||
    operation === GROUPS[request.operation]
  return isOperation && (key === undefined || key.test(keyOf(request)))
}

/** What a request is about: its key, of a listing its prefix. */
export function keyOf({ operation, key, query }: S3Request): string {
  return operation === 'ListObjectsV2' ? (query.get('prefix') ?? '') : key
}

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

import { S3Error } from './errors.ts'

export type OperationName =
  | 'CreateBucket'
  | 'DeleteBucket'
  | 'HeadBucket'
  | 'ListObjectsV2'
  | 'ListMultipartUploads'
  | 'GetObject'
  | 'HeadObject'
  | 'PutObject'
  | 'DeleteObject'
  | 'DeleteObjects'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'

/** A request as S3 understands it, path style: /bucket/key?query. */
export interface S3Request {
  readonly operation: OperationName
  readonly method: string
  /** As sent, without the query. */
  readonly rawPath: string
  readonly bucket: string
  readonly key: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly http: IncomingMessage
}

const KEY_BYTES_MAX = 1024

/** @throws S3Error for what this server does not know */
export function parseRequest(http: IncomingMessage): S3Request {
  // Not `new URL`: it would resolve the dots in a key such as a/../b.
  const [rawPath = '/', search = ''] = (http.url ?? '/').split('?', 2)
  const query = new URLSearchParams(search)
  const [, bucket = '', key = ''] = /^\/([^/]*)(?:\/(.*))?$/s.exec(decodePath(rawPath)) ?? []
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) throw new S3Error('KeyTooLongError')
  const method = http.method ?? 'GET'
  const operation =
    bucket === ''
      ? undefined
      : key === ''
        ? bucketOperation(method, query)
        : objectOperation(method, query)
  if (operation === undefined || http.headers['x-amz-copy-source'] !== undefined) {
    throw new S3Error('NotImplemented')
  }
  return { operation, method, rawPath, bucket, key, query, headers: http.headers, http }
}

function decodePath(rawPath: string): string {
  try {
    return decodeURIComponent(rawPath)
  } catch {
    throw new S3Error('InvalidArgument')
  }
}

function bucketOperation(method: string, query: URLSearchParams): OperationName | undefined {
  if (method === 'PUT') return 'CreateBucket'
  if (method === 'DELETE') return 'DeleteBucket'
  if (method === 'HEAD') return 'HeadBucket'
  if (method === 'POST' && query.has('delete')) return 'DeleteObjects'
  if (method === 'GET' && query.has('uploads')) return 'ListMultipartUploads'
  if (method === 'GET' && query.get('list-type') === '2') return 'ListObjectsV2'
  return undefined
}

function objectOperation(method: string, query: URLSearchParams): OperationName | undefined {
  const isUpload = query.has('uploadId')
  if (method === 'PUT') return isUpload ? 'UploadPart' : 'PutObject'
  if (method === 'DELETE') return isUpload ? 'AbortMultipartUpload' : 'DeleteObject'
  if (method === 'HEAD') return 'HeadObject'
  if (method === 'GET' && !isUpload) return 'GetObject'
  if (method === 'POST' && query.has('uploads')) return 'CreateMultipartUpload'
  if (method === 'POST' && isUpload) return 'CompleteMultipartUpload'
  return undefined
}

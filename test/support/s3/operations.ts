import { type Answer, emptyAnswer } from './answer.ts'
import { createBucket, deleteBucket, listObjects } from './buckets.ts'
import { abortUpload, completeUpload, createUpload, listUploads, uploadPart } from './multipart.ts'
import { deleteObject, deleteObjects, getObject, headObject, putObject } from './objects.ts'
import type { S3Request } from './request.ts'
import { bucketNamed, type Buckets, type ObjectsView } from './store.ts'

/** What a fault may change in a listing. */
export interface ListingOptions {
  readonly staleView?: ObjectsView | undefined
  readonly repeatsToken: boolean
}

/** Does what the request asks for. @throws S3Error */
export async function perform(
  buckets: Buckets,
  request: S3Request,
  listing: ListingOptions,
): Promise<Answer> {
  if (request.operation === 'CreateBucket') return createBucket(buckets, request)
  if (request.operation === 'DeleteBucket') return deleteBucket(buckets, request)
  const bucket = bucketNamed(buckets, request.bucket)
  switch (request.operation) {
    case 'HeadBucket':
      return emptyAnswer(200)
    case 'ListObjectsV2':
      return listObjects(listing.staleView ?? bucket.objects, request, listing)
    case 'ListMultipartUploads':
      return listUploads(bucket, request)
    case 'GetObject':
      return getObject(bucket, request)
    case 'HeadObject':
      return headObject(bucket, request)
    case 'PutObject':
      return putObject(bucket, request)
    case 'DeleteObject':
      return deleteObject(bucket, request)
    case 'DeleteObjects':
      return deleteObjects(bucket, request)
    case 'CreateMultipartUpload':
      return createUpload(bucket, request)
    case 'UploadPart':
      return uploadPart(bucket, request)
    case 'CompleteMultipartUpload':
      return completeUpload(bucket, request)
    case 'AbortMultipartUpload':
      return abortUpload(bucket, request)
  }
}

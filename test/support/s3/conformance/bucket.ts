import { randomBytes } from 'node:crypto'

import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  type GetObjectCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  type PutObjectCommandInput,
  type PutObjectCommandOutput,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
} from '@aws-sdk/client-s3'

import type { Target } from './target.ts'

export type Body = NonNullable<PutObjectCommandInput['Body']>

const PAGES_MAX = 100
export const STALE_ETAG = `"${'0'.repeat(32)}"`

/** A fresh bucket of the target with short forms of what the checks do. */
export class TestBucket {
  readonly name = `conformance-${Date.now().toString(36)}${randomBytes(2).toString('hex')}`
  readonly target: Target
  readonly client: S3Client
  readonly #clients: S3Client[] = []

  constructor(target: Target) {
    this.target = target
    this.client = this.newClient()
  }

  /** A client with connections of its own that tries everything once. */
  newClient(config: S3ClientConfig = {}): S3Client {
    const { endpoint, region, accessKeyId, secretAccessKey } = this.target
    const client = new S3Client({
      endpoint,
      region,
      forcePathStyle: true,
      maxAttempts: 1,
      credentials: { accessKeyId, secretAccessKey },
      requestHandler: { connectionTimeout: 5_000, requestTimeout: 30_000 },
      ...config,
    })
    this.#clients.push(client)
    return client
  }

  async create(): Promise<void> {
    await this.client.send(new CreateBucketCommand({ Bucket: this.name }))
  }

  /** Empties it, a thousand keys at a time, and removes it. */
  async remove(): Promise<void> {
    for (;;) {
      const page = await this.client.send(new ListObjectsV2Command({ Bucket: this.name }))
      const keys = page.Contents?.map(({ Key }) => ({ Key })) ?? []
      if (keys.length === 0) break
      const Delete = { Objects: keys, Quiet: true }
      await this.client.send(new DeleteObjectsCommand({ Bucket: this.name, Delete }))
    }
    await this.client.send(new DeleteBucketCommand({ Bucket: this.name }))
    for (const client of this.#clients) client.destroy()
  }

  put(
    key: string,
    body: Body,
    more: Partial<PutObjectCommandInput> = {},
    client = this.client,
  ): Promise<PutObjectCommandOutput> {
    return client.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body: body, ...more }))
  }

  get(
    key: string,
    more: Partial<GetObjectCommandInput> = {},
    client = this.client,
  ): Promise<GetObjectCommandOutput> {
    return client.send(new GetObjectCommand({ Bucket: this.name, Key: key, ...more }))
  }

  async text(key: string): Promise<string> {
    return (await this.bytes(key)).toString()
  }

  async bytes(
    key: string,
    more: Partial<GetObjectCommandInput> = {},
    client = this.client,
  ): Promise<Buffer> {
    return bodyOf(await this.get(key, more, client))
  }

  list(more: Partial<ListObjectsV2CommandInput>): Promise<ListObjectsV2CommandOutput> {
    return this.client.send(new ListObjectsV2Command({ Bucket: this.name, ...more }))
  }

  /** Every page of a listing. */
  async pages(more: Partial<ListObjectsV2CommandInput>): Promise<ListObjectsV2CommandOutput[]> {
    const pages: ListObjectsV2CommandOutput[] = []
    let token: string | undefined
    do {
      const page = await this.list({ ...more, ContinuationToken: token })
      pages.push(page)
      if (pages.length > PAGES_MAX) throw new Error('the listing does not end')
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined
    } while (token !== undefined)
    return pages
  }
}

export async function bodyOf({ Body }: GetObjectCommandOutput): Promise<Buffer> {
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}

/** The status with which a request ended. An end without a status is thrown on. */
export async function statusOf(
  request: Promise<{ readonly $metadata: { readonly httpStatusCode?: number | undefined } }>,
): Promise<number | undefined> {
  try {
    return (await request).$metadata.httpStatusCode
  } catch (error) {
    if (!(error instanceof S3ServiceException)) throw error
    return error.$metadata.httpStatusCode
  }
}

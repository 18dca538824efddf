import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'

import { FakeS3 } from '../../test/support/s3/fake-s3.ts'
import { MODEL_FILE } from '../lib/registry.ts'
import { IMAGE_SETTINGS } from '../lib/photo.ts'
import { wallClockMs } from '../lib/statistics.ts'

const MODEL = 'bench'

export interface FileEntry {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

/** A registry in a bucket of its own, of the server that the variables name or of the fake. */
export class BenchBucket {
  readonly url: string
  /** What a server needs to use it. */
  readonly env: Readonly<Record<string, string>>
  readonly #name: string
  readonly #client: S3Client
  readonly #model = readFileSync(MODEL_FILE)

  private constructor(name: string, env: Readonly<Record<string, string>>) {
    this.#name = name
    this.url = `s3://${name}/models`
    this.env = env
    this.#client = new S3Client({
      endpoint: env['AWS_ENDPOINT_URL_S3'] ?? '',
      region: env['AWS_REGION'] ?? 'us-east-1',
      forcePathStyle: true,
      credentials: {
        accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
        secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
      },
    })
  }

  /** The bucket of a fake, whose objects can be put there without requests. */
  static of({ bucket, env }: FakeS3): BenchBucket {
    return new BenchBucket(bucket, env)
  }

  static async open(env: Readonly<Record<string, string>>): Promise<BenchBucket> {
    const bucket = new BenchBucket(`bench-${Date.now().toString(36)}`, env)
    await bucket.#client.send(new CreateBucketCommand({ Bucket: bucket.#name }))
    return bucket
  }

  /** Uploads the sample model as a version; resolves with when its manifest was sent. */
  async publish(version: number, extra: readonly FileEntry[] = []): Promise<number> {
    const sha256 = createHash('sha256').update(this.#model).digest('hex')
    const own = { path: 'model.onnx', bytes: this.#model.length, sha256 }
    await this.put(`${MODEL}/${version}/model.onnx`, this.#model)
    const manifest = { files: [own, ...extra], image: IMAGE_SETTINGS }
    const atMs = wallClockMs()
    await this.put(`${MODEL}/${version}/manifest.json`, JSON.stringify(manifest))
    return atMs
  }

  async put(key: string, body: string | Uint8Array): Promise<void> {
    const Key = `models/${key}`
    await this.#client.send(new PutObjectCommand({ Bucket: this.#name, Key, Body: body }))
  }
}

/** The variables of a real S3 server, if they name one: .ci/s3.sh sets them. */
export function realServer(): Readonly<Record<string, string>> | undefined {
  if (process.env['CUTOVER_TEST_S3_ENDPOINT'] === undefined) return undefined
  const set = Object.entries(process.env).filter(([name]) => name.startsWith('AWS_'))
  return Object.fromEntries(set.map(([name, value]) => [name, value ?? '']))
}

export async function withFake<T>(use: (s3: FakeS3) => Promise<T>): Promise<T> {
  const s3 = new FakeS3({})
  await s3.up()
  try {
    return await use(s3)
  } finally {
    s3.close()
  }
}

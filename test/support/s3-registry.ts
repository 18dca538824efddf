import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

import { fixture } from './registry.ts'
import type { FakeS3 } from './s3/fake-s3.ts'
import { type ServerOptions, startServer, type TestServer } from './server.ts'

const PREFIX = 'prod'

/** Everything that is waited for is short, so that what goes wrong passes soon. */
const FLAGS = [
  '--poll-interval-ms=100',
  '--s3-connect-timeout-ms=500',
  '--s3-request-timeout-ms=800',
  '--s3-stall-timeout-ms=400',
]

export interface ManifestOverrides {
  readonly files?: readonly object[]
  readonly [key: string]: unknown
}

/** A registry in a bucket of the fake S3, below a prefix, beside things that are none of it. */
export class TestBucket {
  readonly s3: FakeS3
  readonly url: string

  constructor(s3: FakeS3) {
    this.s3 = s3
    this.url = `s3://${s3.bucket}/${PREFIX}`
    s3.objects.put('another/thing.txt', 'not ours')
  }

  key(path: string): string {
    return `${PREFIX}/${path}`
  }

  /** Uploads a version as a publisher does: its manifest last. */
  publish(model: string, version: number, network: string, more: ManifestOverrides = {}): void {
    this.upload(model, version, network)
    this.commit(model, version, network, more)
  }

  upload(model: string, version: number, network: string): void {
    this.s3.objects.put(this.key(`${model}/${version}/model.onnx`), networkBytes(network))
  }

  commit(model: string, version: number, network: string, more: ManifestOverrides = {}): void {
    const manifest = { files: [entryOf('model.onnx', networkBytes(network))], ...more }
    this.s3.objects.put(this.key(`${model}/${version}/manifest.json`), JSON.stringify(manifest))
  }

  remove(model: string, version: number): void {
    for (const key of this.s3.objects.list(this.key(`${model}/${version}/`))) {
      this.s3.objects.delete(key)
    }
  }

  /** A server on this registry; it polls ten times a second. */
  serve({ flags = [], env = {}, ...rest }: ServerOptions = {}): Promise<TestServer> {
    return startServer(this.url, {
      flags: [...FLAGS, ...flags],
      env: { ...this.s3.env, ...env },
      ...rest,
    })
  }
}

export function networkBytes(network: string): Buffer {
  return readFileSync(fixture(`models/${network}.onnx`))
}

export function entryOf(path: string, bytes: Buffer) {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { path, bytes: bytes.length, sha256 }
}

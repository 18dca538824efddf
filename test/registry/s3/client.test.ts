import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'

import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'

import { S3Bucket } from '../../../src/registry/s3/bucket.ts'
import { createS3Client } from '../../../src/registry/s3/client.ts'
import { parseS3Url } from '../../../src/registry/s3/location.ts'
import { temporaryDirectory } from '../../support/registry.ts'
import { startFakeS3 } from '../../support/s3/start.ts'

const OPTIONS = { pathStyle: 'auto', connectTimeoutMs: 10_000, stallTimeoutMs: 10_000 } as const
const { signal } = new AbortController()

/** Nothing of this machine's own, and these. */
function setEnv(variables: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_')) vi.stubEnv(name, undefined)
  }
  const none = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }
  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }
  for (const [name, value] of Object.entries({ ...none, ...keys, ...variables })) {
    vi.stubEnv(name, value)
  }
}
beforeEach(() => void vi.unstubAllEnvs())

function bucket(): S3Bucket {
  const location = parseS3Url('s3://models')
  return new S3Bucket(createS3Client(OPTIONS), { location, requestTimeoutMs: 60_000 })
}

describe('the region', () => {
  const region = () => createS3Client(OPTIONS).config.region()
  const configFile = (text: string) => {
    const file = path.join(temporaryDirectory(), 'config')
    writeFileSync(file, text)
    return file
  }
  const AWS_ENDPOINT_URL_S3 = 'http://127.0.0.1:9'

  test('of a server of one’s own is made up where none is found', async () => {
    setEnv({ AWS_ENDPOINT_URL_S3 })
    expect(await region()).toBe('us-east-1')
    setEnv({ AWS_ENDPOINT_URL_S3, AWS_PROFILE: 'none' })
    expect(await region()).toBe('us-east-1')
  })

  test('is that of the shared files, with an endpoint and without', async () => {
    const AWS_CONFIG_FILE = configFile(
      '[default]\nregion = eu-west-1\n[profile other]\nregion = eu-west-2\n',
    )
    setEnv({ AWS_CONFIG_FILE })
    expect(await region()).toBe('eu-west-1')
    setEnv({ AWS_CONFIG_FILE, AWS_ENDPOINT_URL_S3 })
    expect(await region()).toBe('eu-west-1')
    setEnv({ AWS_CONFIG_FILE, AWS_ENDPOINT_URL_S3, AWS_PROFILE: 'other' })
    expect(await region()).toBe('eu-west-2')
  })

  test('is that of a variable before all', async () => {
    const AWS_CONFIG_FILE = configFile('[default]\nregion = eu-west-1\n')
    setEnv({ AWS_CONFIG_FILE, AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION: 'eu-west-3' })
    expect(await region()).toBe('eu-west-3')
    setEnv({ AWS_CONFIG_FILE, AWS_ENDPOINT_URL_S3, AWS_REGION: 'eu-north-1' })
    expect(await region()).toBe('eu-north-1')
  })

  test('of Amazon must be set', async () => {
    setEnv({})
    await expect(bucket().list('', signal)).rejects.toMatchObject({
      message: expect.stringContaining('no region is set: set AWS_REGION'),
    })
  })
})

describe('a bucket in another region is not listed, as it could not be pulled from', () => {
  test('where the answer is a redirect', async () => {
    const server = http.createServer((request, response) => {
      // As S3 does it: one who signs for the right region is answered.
      if (request.headers.authorization?.includes('/eu-west-1/')) {
        response.end('<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>')
        return
      }
      response.writeHead(301, { 'x-amz-bucket-region': 'eu-west-1' })
      response.end('<Error><Code>PermanentRedirect</Code></Error>')
    })
    onTestFinished(() => void server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    setEnv({ AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}` })
    await expect(bucket().list('', signal)).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('the bucket is in another region: set AWS_REGION'),
    })
  })

  test('where the signature is refused', async () => {
    const s3 = await startFakeS3()
    setEnv({ ...s3.env, AWS_REGION: 'eu-west-1' })
    await expect(bucket().list('', signal)).rejects.toMatchObject({
      message: expect.stringContaining('signed for another region: set AWS_REGION'),
    })
  })
})

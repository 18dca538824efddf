import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import type { AspiredVersion } from '../../../src/registry/source.ts'
import { temporaryDirectory } from '../../support/registry.ts'
import { RegistryWatch } from '../../support/registry-watch.ts'
import { networkBytes, TestBucket } from '../../support/s3-registry.ts'
import { startFakeS3 } from '../../support/s3/start.ts'
import { waitFor } from '../../support/server.ts'

const signal = new AbortController().signal

let bucket: TestBucket
beforeEach(async () => {
  bucket = new TestBucket(await startFakeS3())
  const env = { ...bucket.s3.env, NODE_OPTIONS: '--import tsx' }
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  bucket.publish('m', 1, 'class-1')
  bucket.publish('n', 1, 'class-2')
})

afterEach(() => {
  vi.unstubAllEnvs()
})

async function copyOf(version: AspiredVersion): Promise<Buffer> {
  const local = await version.materialize(signal)
  const bytes = readFileSync(path.join(local.dir, local.entry))
  await local.release()
  return bytes
}

describe('one model.json of a bucket', () => {
  const denied = { operation: 'get', key: /n\/model\.json$/ } as const

  test.each([
    ['is too large', () => bucket.s3.objects.put(bucket.key('n/model.json'), ' '.repeat(2e5))],
    [
      'may not be read',
      () => bucket.s3.inject({ ...denied, effect: { kind: 'error', code: 'AccessDenied' } }),
    ],
  ])('that %s is a problem, and every other model goes on', async (_, spoil) => {
    const watch = await RegistryWatch.open(bucket.url)
    expect(watch.names).toEqual(['m/1', 'n/1'])
    bucket.s3.objects.put(bucket.key('n/model.json'), '{"pin": 1}')
    spoil()
    bucket.publish('m', 2, 'class-3')
    await watch.source.look()
    expect(watch.names).toEqual(['m/1', 'm/2', 'n/1'])
    expect(watch.source.status.unavailable).toBeUndefined()
    expect(watch.problems.map((problem) => problem.path)).toEqual([`${bucket.url}/n/model.json`])
  })

  test('that may not be read holds its own model back where it was never read', async () => {
    bucket.s3.objects.put(bucket.key('n/model.json'), '{"pin": 1}')
    bucket.s3.inject({ ...denied, effect: { kind: 'error', code: 'AccessDenied' } })
    const watch = await RegistryWatch.open(bucket.url)
    expect(watch.names).toEqual(['m/1'])
    bucket.s3.clearFaults()
    await watch.source.look()
    expect(watch.names).toEqual(['m/1', 'n/1'])
    expect(watch.aspired.policies.get('n')?.pin).toBe(1)
    expect(watch.source.status.problems).toEqual([])
  })
})

test('a version whose bytes were written again, with another ETag, is the same and can be had', async () => {
  const watch = await RegistryWatch.open(bucket.url)
  const version = watch.version('m/1')
  // Two uploads of the same bytes have other ETags where their parts are of another size.
  const file = path.join(temporaryDirectory(), 'model.onnx')
  writeFileSync(file, networkBytes('class-1'))
  bucket.s3.objects.putFile(bucket.key('m/1/model.onnx'), file)
  await expect(version.materialize(signal)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' })
  await watch.source.look()
  expect(watch.version('m/1')).toBe(version)
  expect(await copyOf(version)).toEqual(networkBytes('class-1'))
})

test('a listing of many pages may take longer than one answer may', async () => {
  for (let i = 0; i < 2_500; i++) bucket.s3.objects.put(bucket.key(`big/1/${i}`), '')
  bucket.s3.inject({ operation: 'list', effect: { kind: 'delay', ms: 1_000 } })
  const settings = { s3RequestTimeoutMs: 2_500, pollIntervalMs: 100 }
  const watch = await RegistryWatch.open(bucket.url, settings)
  await waitFor(() => watch.names.join() === 'm/1,n/1', 'the whole listing')
})

test('what came of a large file before a failure is not pulled again', async () => {
  const MiB = 1024 ** 2
  const key = bucket.key('large/1/model.onnx')
  const entry = await bucket.s3.objects.putSynthetic(key, 20 * MiB)
  const manifest = { files: [{ path: 'model.onnx', ...entry }] }
  bucket.s3.objects.put(bucket.key('large/1/manifest.json'), JSON.stringify(manifest))
  const watch = await RegistryWatch.open(bucket.url, {
    pullConnections: 1,
    s3StallTimeoutMs: 60_000,
  })
  const version = watch.version('large/1')
  const effect = { kind: 'error', code: 'InternalError' } as const
  bucket.s3.inject({ operation: 'get', key: /large\/1\/model\.onnx$/, after: 1, effect })
  await expect(version.materialize(signal)).rejects.toMatchObject({
    code: 'REGISTRY_UNAVAILABLE',
    message: expect.stringContaining('the answer was 500') as string,
  })
  bucket.s3.clearFaults()
  bucket.s3.requests.reset()
  const done: number[] = []
  const local = await version.materialize(signal, (bytes) => done.push(bytes))
  await local.release()
  const ranges = bucket.s3.requests
    .all('GetObject', /large\/1\/model\.onnx$/)
    .map(({ headers }) => headers['range'])
  expect(ranges).not.toContain(`bytes=0-${8 * MiB - 1}`)
  expect(ranges).toContain(`bytes=${8 * MiB}-${16 * MiB - 1}`)
  expect(done.at(-1)).toBe(20 * MiB)
})

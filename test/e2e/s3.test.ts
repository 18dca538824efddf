import { readdirSync, readFileSync, statSync, writeFileSync, chmodSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { describe, expect, test } from 'vitest'

import { predict } from '../support/client.ts'
import { dark } from '../support/images.ts'
import { startLoad } from '../support/load.ts'
import { temporaryDirectory } from '../support/registry.ts'
import { entryOf, networkBytes, TestBucket } from '../support/s3-registry.ts'
import { startFakeS3 } from '../support/s3/start.ts'
import { startServer, type TestServer, waitFor } from '../support/server.ts'

const SAMPLE = fileURLToPath(new URL('../../models/efficientnet-lite/1/', import.meta.url))

async function bucketWith(
  ...versions: [model: string, version: number, network: string][]
): Promise<TestBucket> {
  const bucket = new TestBucket(await startFakeS3())
  for (const version of versions) bucket.publish(...version)
  return bucket
}

function answers(server: TestServer, classIndex: number, at = '/predict'): Promise<unknown> {
  return waitFor(
    async () => (await predict(server.url, dark, at)).body.class_index === classIndex,
    `class ${classIndex} to be answered`,
  )
}

function adminUrl(server: TestServer): string {
  return `http://127.0.0.1:${Number(server.log.find((line) => line['adminPort'])?.['adminPort'])}`
}

interface Listing {
  models: {
    name: string
    rollout: { problem: string | null }
    versions: { version: number; state: string; reason?: string }[]
  }[]
  pending: { model: string; version: number; reason: string }[]
  registry: {
    location: string
    lastSuccessAt: string | null
    unavailable: string | null
    problems: { path: string; reason: string }[]
  }
}

async function listing(server: TestServer): Promise<Listing> {
  return (await (await fetch(`${server.url}/models`)).json()) as Listing
}

async function stateOf(server: TestServer, model: string, version: number) {
  const { models } = await listing(server)
  return models
    .find(({ name }) => name === model)
    ?.versions.find((entry) => entry.version === version)
}

function manifest(entry: object, more: object = {}): string {
  const right = entryOf('model.onnx', networkBytes('class-2'))
  return JSON.stringify({ files: [{ ...right, ...entry }], ...more })
}

describe.concurrent('a registry in a bucket', () => {
  test('versions published under load are served in order, and no request fails', async () => {
    const bucket = await bucketWith(['m', 1, 'class-1'])
    const server = await bucket.serve()
    const load = startLoad(server.url, dark, 4, 10)
    for (const version of [2, 3, 4, 5]) {
      bucket.publish('m', version, `class-${version}`)
      await answers(server, version)
    }
    const { failures, classes } = await load.stop()
    expect(failures).toEqual([])
    expect(new Set(classes.keys())).toEqual(new Set([1, 2, 3, 4, 5]))
  })

  test('a version is invisible until its manifest is there, and goes with it', async () => {
    const bucket = await bucketWith(['m', 1, 'class-1'])
    const server = await bucket.serve()
    bucket.upload('m', 2, 'class-2')
    await waitFor(
      async () => (await listing(server)).pending.some(({ version }) => version === 2),
      'the upload to be seen',
    )
    expect((await listing(server)).pending).toEqual([
      { model: 'm', version: 2, reason: 'waiting for manifest.json' },
    ])
    expect((await predict(server.url, dark)).body.class_index).toBe(1)
    bucket.commit('m', 2, 'class-2')
    await answers(server, 2)
    bucket.remove('m', 2)
    await answers(server, 1)
    bucket.remove('m', 1)
    await waitFor(async () => (await stateOf(server, 'm', 2)) === undefined, 'version 2 to be gone')
    expect((await predict(server.url, dark)).body.class_index).toBe(1)
  })

  test('models come and go, and what is no model is named', async () => {
    const bucket = await bucketWith(['a', 1, 'class-1'])
    const server = await bucket.serve()
    bucket.publish('b', 1, 'class-2')
    await answers(server, 2, '/models/b/predict')
    for (const key of ['b/v3/manifest.json', 'b/007/model.onnx', 'bad name/1/manifest.json']) {
      bucket.s3.objects.put(bucket.key(key), '{}')
    }
    await waitFor(
      async () => (await listing(server)).registry.problems.length === 3,
      'the problems',
    )
    const { problems } = (await listing(server)).registry
    expect(problems.map((problem) => problem.path).sort()).toEqual([
      `${bucket.url}/b/007`,
      `${bucket.url}/b/v3`,
      `${bucket.url}/bad name/1`,
    ])
    expect(server.log.filter(({ msg }) => msg.includes('is not a version'))).toHaveLength(2)
  })

  test('a listing of several pages is read to its end, and one without news costs no other request', async () => {
    const bucket = await bucketWith(['m', 1, 'class-1'])
    for (let i = 0; i < 2_500; i++) bucket.s3.objects.put(bucket.key(`m/1/extra/${i}`), '')
    bucket.publish('n', 1, 'class-2')
    const server = await bucket.serve()
    await answers(server, 2, '/models/n/predict')
    bucket.s3.requests.reset()
    await waitFor(() => bucket.s3.requests.count('ListObjectsV2') >= 9, 'three polls')
    expect(bucket.s3.requests.count('GetObject')).toBe(0)
  })

  test('model.json pins a version, and unpins it', async () => {
    const bucket = await bucketWith(['m', 1, 'class-1'], ['m', 2, 'class-2'])
    bucket.s3.objects.put(bucket.key('m/model.json'), JSON.stringify({ pin: 1 }))
    const server = await bucket.serve()
    expect((await predict(server.url, dark)).body.class_index).toBe(1)
    bucket.publish('m', 3, 'class-3')
    await sleep(500)
    expect((await predict(server.url, dark)).body.class_index).toBe(1)
    bucket.s3.objects.put(bucket.key('m/model.json'), JSON.stringify({ pin: 9 }))
    await waitFor(
      async () => (await listing(server)).models[0]?.rollout.problem?.includes('to version 9'),
      'the problem',
    )
    expect((await predict(server.url, dark)).body.class_index).toBe(1)
    bucket.s3.objects.put(bucket.key('m/model.json'), '{"pin": "three"}')
    await waitFor(
      async () => (await listing(server)).registry.problems[0]?.reason.includes('pin'),
      'the other problem',
    )
    bucket.s3.objects.delete(bucket.key('m/model.json'))
    await answers(server, 3)
  })

  test('an event makes the server look at once; what it says is not believed', async () => {
    const bucket = await bucketWith(['m', 1, 'class-1'])
    const flags = ['--poll-interval-ms', '60000', '--admin-port', '0']
    const server = await bucket.serve({ flags })
    const admin = adminUrl(server)
    const key = bucket.key('m/2/manifest.json')
    const record = { s3: { bucket: { name: bucket.s3.bucket }, object: { key } } }
    const send = (body: unknown, init: RequestInit = {}) =>
      fetch(`${admin}/registry/events`, { method: 'POST', body: JSON.stringify(body), ...init })
    const minio = { EventName: 's3:ObjectCreated:Put', Key: `x/${key}`, Records: [record] }
    const shapes = [
      { Records: [record] },
      minio,
      { Type: 'Notification', Message: JSON.stringify({ Records: [record] }) },
      { source: 'aws.s3', detail: { bucket: { name: bucket.s3.bucket }, object: { key } } },
    ]
    for (const [index, shape] of shapes.entries()) {
      const version = index + 2
      bucket.publish('m', version, `class-${version}`)
      const response = await send(shape)
      expect(response.status).toBe(202)
      expect(await response.json()).toEqual({ looking: true })
      await answers(server, version)
    }
    const looks = bucket.s3.requests.count('ListObjectsV2')
    const other = { Records: [{ s3: { bucket: { name: 'other' }, object: { key } } }] }
    expect(await (await send(other)).json()).toEqual({ looking: false })
    expect(await (await send({ Event: 's3:TestEvent' })).json()).toEqual({ looking: false })
    expect((await send({ nothing: true })).status).toBe(400)
    expect((await send({}, { body: '{' })).status).toBe(400)
    expect((await send({}, { body: 'x'.repeat(2e6) })).status).toBe(413)
    expect((await fetch(`${admin}/registry/events`)).status).toBe(405)
    expect(bucket.s3.requests.count('ListObjectsV2')).toBe(looks)
  })

  test('a server that starts while the bucket is away serves what it served before', async () => {
    const bucket = await bucketWith(['m', 1, 'class-1'], ['m', 2, 'class-2'], ['n', 1, 'class-3'])
    bucket.s3.objects.put(bucket.key('m/model.json'), JSON.stringify({ pin: 1 }))
    const flags = ['--cache-dir', temporaryDirectory()]
    const first = await bucket.serve({ flags })
    await answers(first, 3, '/models/n/predict')
    await first.stop()
    bucket.s3.down()
    const second = await bucket.serve({ flags })
    await answers(second, 1, '/models/m/predict')
    await answers(second, 3, '/models/n/predict')
    const { registry } = await listing(second)
    expect(registry).toMatchObject({ lastSuccessAt: null })
    expect(registry.unavailable).toContain('listing s3://models/prod')
    expect(await second.metric('cutover_registry_up')).toBe(0)
    expect(await second.metric('cutover_registry_last_success_timestamp_seconds')).toBe(0)
    await bucket.s3.up()
    bucket.publish('n', 2, 'class-4')
    await answers(second, 4, '/models/n/predict')
    expect(await second.metric('cutover_registry_up')).toBe(1)
    const age =
      Date.now() / 1000 - (await second.metric('cutover_registry_last_success_timestamp_seconds'))
    expect(age).toBeLessThan(10)
    // What was served all along was not loaded again.
    const ready = second
      .events('version.ready')
      .map(({ model, version }) => [model, version].join(' '))
    expect(ready.sort()).toEqual(['m 1', 'n 1', 'n 2'])
  })

  test('what lies in the cache is verified before it is served again', async () => {
    const bucket = await bucketWith(['m', 1, 'class-1'])
    const cache = temporaryDirectory()
    const flags = ['--cache-dir', cache]
    const fetched = () => bucket.s3.requests.count('GetObject', /model\.onnx$/)
    await (await bucket.serve({ flags })).stop()
    const fetchedBefore = fetched()
    const blob = path.join(cache, 'blobs', readdirSync(path.join(cache, 'blobs'))[0] ?? '')
    chmodSync(blob, 0o600)
    const broken = readFileSync(blob)
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1
    writeFileSync(blob, broken)
    const server = await bucket.serve({ flags })
    expect((await predict(server.url, dark)).body.class_index).toBe(1)
    // Once, and once more where the machine was so busy that the transfer stalled.
    expect(fetched()).toBeGreaterThan(fetchedBefore)
    expect(readFileSync(blob)).toEqual(networkBytes('class-1'))
  })

  test('without a bucket and without a cache the server lives, is not ready, and says why', async () => {
    const s3 = await startFakeS3()
    const cases = [
      ['s3://absent/prod', {}, 'there is no such bucket'],
      ['s3://models/prod', { AWS_SECRET_ACCESS_KEY: 'wrong' }, 'the secret access key is wrong'],
      ['s3://models/prod', { AWS_ACCESS_KEY_ID: 'nobody' }, 'the access key is not known'],
      ['s3://models/prod', { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' }, 'ECONNREFUSED'],
    ] as const
    await Promise.all(
      cases.map(async ([url, env, reason]) => {
        const server = await startServer(url, { env: { ...s3.env, ...env }, listeningOnly: true })
        const ready = async () => (await fetch(`${server.url}/healthz/ready`)).text()
        await waitFor(async () => (await ready()).includes(reason), `${reason} in ${url}`)
        expect((await fetch(`${server.url}/healthz/live`)).status).toBe(200)
        expect(server.log.some(({ level, msg }) => level === 40 && msg.includes(reason))).toBe(true)
        expect(await server.stop()).toBe(0)
      }),
    )
  })

  test.each([
    ['is not JSON', () => '{', 'expected JSON'],
    ['names a file outside', () => manifest({ path: '../m/1/model.onnx' }), 'files[0].path'],
    ['lists a missing file', () => manifest({ path: 'absent.onnx' }), 'absent.onnx is missing'],
    ['lies about the size', () => manifest({ bytes: 9 }), 'model.onnx has 373 bytes'],
    ['lies about the hash', () => manifest({ sha256: '0'.repeat(64) }), 'has the sha256'],
    ['is 50 MB long', () => ' '.repeat(50e6), 'manifest.json is larger than'],
    ['is of another version', () => manifest({}, { version: 3 }), 'lies in m/2'],
  ])('a manifest that %s is a reason in the log and in /models', async (_what, text, reason) => {
    const bucket = await bucketWith(['m', 1, 'class-1'])
    const server = await bucket.serve()
    bucket.upload('m', 2, 'class-2')
    bucket.s3.objects.put(bucket.key('m/2/manifest.json'), text())
    await waitFor(
      async () => (await stateOf(server, 'm', 2))?.state === 'rejected',
      'the rejection',
    )
    expect((await stateOf(server, 'm', 2))?.reason).toContain(reason)
    expect(server.events('version.rejected')[0]?.msg).toContain(reason)
    expect((await predict(server.url, dark)).body.class_index).toBe(1)
    // Put right, it is served.
    bucket.publish('m', 2, 'class-2')
    await answers(server, 2)
  })

  test('a broken connection is gone on with where it broke off', async () => {
    const bucket = await bucketWith()
    for (const file of readdirSync(SAMPLE)) {
      bucket.s3.objects.putFile(bucket.key(`efficientnet-lite/1/${file}`), path.join(SAMPLE, file))
    }
    // A reset may take what has arrived with it; an end does not.
    for (const kind of ['reset-mid-body', 'truncate'] as const) {
      const effect = { kind, afterBytes: 1_000_000 }
      bucket.s3.inject({ operation: 'get', key: /model\.onnx$/, times: 2, effect })
    }
    await bucket.serve({ flags: ['--s3-stall-timeout-ms=20000', '--s3-request-timeout-ms=20000'] })
    const pulls = bucket.s3.requests.all('GetObject', /model\.onnx$/)
    expect(pulls.length).toBeGreaterThan(2)
    const starts = pulls.map(({ headers }) => Number(/=(\d+)-/.exec(String(headers['range']))?.[1]))
    const size = statSync(path.join(SAMPLE, 'model.onnx')).size
    // The parts of the file, and in them where others broke off.
    expect(starts.filter((start) => start % (8 * 1024 ** 2) !== 0).length).toBeGreaterThan(0)
    expect(Math.max(...starts)).toBeLessThan(size)
  })

  test('versions that are not served leave the disk, the longest unused first', async () => {
    const bucket = await bucketWith(['m', 1, 'class-1'])
    const cache = temporaryDirectory()
    const server = await bucket.serve({ flags: ['--cache-dir', cache, '--cache-bytes-max', '800'] })
    for (const version of [2, 3, 4, 5]) {
      bucket.publish('m', version, `class-${version}`)
      await answers(server, version)
      await waitFor(() => server.events('version.unloaded').length === version - 1, 'the old to go')
      expect(readdirSync(path.join(cache, 'blobs')).length).toBeLessThanOrEqual(2)
    }
  })

  test('a disk that is too full is a reason, and harms nothing', async () => {
    const bucket = await bucketWith(['m', 1, 'class-1'])
    const server = await bucket.serve({ flags: ['--cache-bytes-max', '500'] })
    bucket.publish('m', 2, 'class-2')
    await waitFor(async () => (await stateOf(server, 'm', 2))?.state === 'retrying', 'the failure')
    expect((await stateOf(server, 'm', 2))?.reason).toContain('no room for 373 bytes')
    expect((await predict(server.url, dark)).body.class_index).toBe(1)
  })

  test('credentials that expire stop the polls, not the service', async () => {
    const bucket = await bucketWith(['m', 1, 'class-1'])
    const session = bucket.s3.accounts.startSession()
    const server = await bucket.serve({ env: bucket.s3.envOf(session) })
    bucket.s3.accounts.expireSession(session, 403)
    await waitFor(
      async () => (await listing(server)).registry.unavailable?.includes('have expired'),
      'the reason',
    )
    expect((await predict(server.url, dark)).body.class_index).toBe(1)
  })

  test('the admin port is closed to strangers', async () => {
    const bucket = await bucketWith(['m', 1, 'class-1'])
    const token = 'a-token-of-enough-length'
    const env = { CUTOVER_ADMIN_TOKEN: token }
    const server = await bucket.serve({
      env,
      flags: ['--admin-port', '0', '--admin-host', '0.0.0.0'],
    })
    const send = (headers: Record<string, string>) =>
      fetch(`${adminUrl(server)}/registry/events`, { method: 'POST', headers, body: '{}' })
    expect((await send({})).status).toBe(401)
    expect((await send({ authorization: `Bearer ${token}x` })).status).toBe(401)
    expect((await send({ authorization: `Bearer ${token}` })).status).toBe(400)

    const open = await bucket.serve({ flags: ['--admin-port', '0'] })
    const local = adminUrl(open)
    const ask = (headers: Record<string, string>) =>
      fetch(`${local}/registry/events`, { method: 'POST', headers, body: '{}' })
    expect((await ask({})).status).toBe(400)
    expect((await ask({ origin: 'https://evil.example' })).status).toBe(401)

    const refused = bucket.serve({ flags: ['--admin-port', '0', '--admin-host', '0.0.0.0'] })
    await expect(refused).rejects.toThrow('CUTOVER_ADMIN_TOKEN')
  })
})

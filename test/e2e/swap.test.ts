import { createHash } from 'node:crypto'
import {
  copyFileSync,
  createReadStream,
  createWriteStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { predict } from '../support/client.ts'
import { dark } from '../support/images.ts'
import { startLoad } from '../support/load.ts'
import {
  fixture,
  registryWith,
  temporaryDirectory,
  type TestRegistry,
} from '../support/registry.ts'
import { startServer, type TestServer, waitFor } from '../support/server.ts'

function answers(server: TestServer, classIndex: number): Promise<unknown> {
  return waitFor(
    async () => (await predict(server.url, dark)).body.class_index === classIndex,
    `class ${classIndex} to be answered`,
  )
}

interface Listing {
  models: {
    name: string
    stable: number
    versions: { version: number; state: string; code?: string; reason?: string }[]
  }[]
}

async function listed(server: TestServer, version: number) {
  const { models } = (await (await fetch(`${server.url}/models`)).json()) as Listing
  return models[0]?.versions.find((entry) => entry.version === version)
}

test('versions swapped in under load fail no request and leave no process', async () => {
  const registry = registryWith(['m', 1, 'class-1'])
  const server = await startServer(registry.dir)
  const first = server.enginePids()
  const load = startLoad(server.url, dark, 8)
  for (const version of [2, 3, 4, 5]) {
    registry.add('m', version, `class-${version}`)
    await answers(server, version)
  }
  const { failures, classes } = await load.stop()
  expect(failures).toEqual([])
  expect([...classes.keys()].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5])
  await waitFor(() => server.events('version.unloaded').length === 4, 'the old versions to go')
  const left = server.enginePids()
  expect(left).toHaveLength(2)
  expect(left).not.toEqual(expect.arrayContaining(first))
  expect(server.events('version.unloaded').map(({ leasesLeft }) => leasesLeft)).toEqual([
    0, 0, 0, 0,
  ])
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  expect(metrics).not.toContain('version="4"')
  expect(metrics).toContain('version="5"')
})

test('a version that is copied slowly is served once it is whole', async () => {
  const registry = registryWith(['m', 1, 'class-1'])
  const server = await startServer(registry.dir, { flags: ['--settle-ms', '4000'] })
  const dir = registry.versionDir('m', 2)
  mkdirSync(dir)
  const whole = readFileSync(fixture('models/class-2.onnx'))
  for (let at = 0; at < whole.length; at += 40) {
    writeFileSync(path.join(dir, 'model.onnx'), whole.subarray(at, at + 40), { flag: 'a' })
    await sleep(60)
    expect((await predict(server.url, dark)).body.class_index).toBe(1)
  }
  await answers(server, 2)
  expect(server.events('version.rejected')).toEqual([])
})

test.each([
  [
    'bytes that are no model',
    'MODEL_UNLOADABLE',
    (dir: string) => writeFileSync(path.join(dir, 'model.onnx'), 'no model'),
  ],
  [
    'no model file',
    'FORMAT_UNSUPPORTED',
    (dir: string) => writeFileSync(path.join(dir, 'readme.txt'), 'hello'),
  ],
  [
    'a manifest that promises other bytes',
    'VERSION_CORRUPT',
    (dir: string) => {
      copyFileSync(fixture('models/class-2.onnx'), path.join(dir, 'model.onnx'))
      const bytes = readFileSync(path.join(dir, 'model.onnx')).length
      const files = [{ path: 'model.onnx', bytes, sha256: '0'.repeat(64) }]
      const manifest = { schema: 'cutover/manifest/v1', files }
      writeFileSync(path.join(dir, 'manifest.json'), JSON.stringify(manifest))
    },
  ],
  [
    'a manifest that is no manifest',
    'MANIFEST_INVALID',
    (dir: string) => {
      copyFileSync(fixture('models/class-2.onnx'), path.join(dir, 'model.onnx'))
      writeFileSync(path.join(dir, 'manifest.json'), '{"files": 5}')
    },
  ],
  [
    'a manifest that contradicts the model',
    'MANIFEST_INVALID',
    (dir: string) => {
      copyFileSync(fixture('models/class-2.onnx'), path.join(dir, 'model.onnx'))
      const manifest = manifestOf(dir, { output: { name: 'absent' } })
      writeFileSync(path.join(dir, 'manifest.json'), manifest)
    },
  ],
])(
  'a version with %s is rejected with a reason, and the old one serves on',
  async (_, code, write) => {
    const registry = registryWith(['m', 1, 'class-1'])
    const server = await startServer(registry.dir)
    const dir = registry.versionDir('m', 2)
    mkdirSync(dir)
    write(dir)
    const rejected = await waitFor(async () => {
      const entry = await listed(server, 2)
      return entry?.state === 'rejected' && entry
    }, 'the rejection')
    expect(rejected.code).toBe(code)
    expect(rejected.reason).toMatch(/\w+ \w+/)
    expect(server.events('version.rejected')[0]).toMatchObject({ code, model: 'm', version: 2 })
    expect(await server.metric('cutover_versions_rejected_total', { code })).toBe(1)
    expect((await predict(server.url, dark)).body.class_index).toBe(1)
    expect(server.enginePids()).toHaveLength(2)

    // A rejection is no dead end: the version repaired is another one.
    copyFileSync(fixture('models/class-2.onnx'), path.join(dir, 'model.onnx'))
    writeFileSync(path.join(dir, 'manifest.json'), manifestOf(dir, {}))
    await answers(server, 2)
  },
)

test('deleting the newest goes back; deleting everything leaves the last one serving', async () => {
  const registry = registryWith(['m', 1, 'class-1'], ['m', 2, 'class-2'])
  const server = await startServer(registry.dir)
  await answers(server, 2)
  registry.remove('m', 2)
  await answers(server, 1)
  registry.remove('m', 1)
  await sleep(1_500)
  expect((await predict(server.url, dark)).body.class_index).toBe(1)
  registry.add('m', 3, 'class-3')
  await answers(server, 3)
})

test('a copy that cannot be removed is told, and its successor serves', async () => {
  const registry = registryWith(['m', 1, 'class-1'])
  const cacheDir = temporaryDirectory()
  const server = await startServer(registry.dir, { flags: ['--cache-dir', cacheDir] })
  await answers(server, 1)
  const [held = ''] = readdirSync(cacheDir).filter((name) => name.includes('~'))
  const [name = ''] = readdirSync(path.join(cacheDir, held))
  const copy = path.join(cacheDir, held, name)
  rmSync(copy, { recursive: true })
  symlinkSync(copy, copy)
  registry.add('m', 2, 'class-2')
  await answers(server, 2)
  const told = await waitFor(
    () => server.log.find(({ msg }) => msg.includes('this copy of a version cannot be removed')),
    'the operator to be told',
  )
  expect(told).toMatchObject({ path: copy, level: 40 })
  await waitFor(() => server.events('version.unloaded').length === 1, 'version 1 to be gone')
})

test('a file replaced in place is a new state of its version', async () => {
  const registry = registryWith(['m', 1, 'class-1'])
  const server = await startServer(registry.dir)
  await answers(server, 1)
  copyFileSync(fixture('models/class-4.onnx'), path.join(registry.versionDir('m', 1), 'model.onnx'))
  await answers(server, 4)
})

test('older versions stay loaded on demand and answer by number', async () => {
  const registry: TestRegistry = registryWith(['m', 1, 'class-1'], ['m', 2, 'class-2'])
  const server = await startServer(registry.dir, { flags: ['--versions-loaded-max', '2'] })
  await waitFor(() => server.events('version.ready').length === 2, 'both versions')
  const one = await predict(server.url, dark, '/models/m/versions/1/predict')
  expect(one.body.class_index).toBe(1)
  expect(one.headers.get('x-model-track')).toBe('explicit')
  expect((await predict(server.url, dark)).body.class_index).toBe(2)
})

test('a registry that fills after the start', async () => {
  const registry = registryWith()
  const server = await startServer(registry.dir, { listeningOnly: true })
  const early = await predict(server.url, dark)
  expect([early.status, early.body.code]).toEqual([503, 'MODEL_NOT_READY'])
  expect(early.headers.get('retry-after')).toBe('1')
  expect((await fetch(`${server.url}/healthz/ready`)).status).toBe(503)
  expect((await fetch(`${server.url}/healthz/live`)).status).toBe(200)
  registry.add('m', 1, 'class-1')
  await answers(server, 1)
})

test('a single model file is served, and served anew when it is written again', async () => {
  const registry = registryWith(['m', 1, 'class-1'])
  const file = path.join(registry.versionDir('m', 1), 'model.onnx')
  const server = await startServer(file)
  await answers(server, 1)
  await new Promise((resolve) => {
    createReadStream(fixture('models/class-5.onnx'))
      .pipe(createWriteStream(file))
      .on('close', () => resolve(undefined))
  })
  await answers(server, 5)
})

function manifestOf(dir: string, more: object): string {
  const content = readFileSync(path.join(dir, 'model.onnx'))
  const sha256 = createHash('sha256').update(content).digest('hex')
  const files = [{ path: 'model.onnx', bytes: content.length, sha256 }]
  return JSON.stringify({ schema: 'cutover/manifest/v1', files, ...more })
}

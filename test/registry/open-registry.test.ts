import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { beforeEach, describe, expect, test } from 'vitest'

import { temporaryDirectory } from '../support/registry.ts'
import { RegistryWatch } from '../support/registry-watch.ts'
import { waitFor } from '../support/server.ts'

const signal = new AbortController().signal

let dir: string
beforeEach(() => {
  dir = temporaryDirectory()
})

function write(file: string, content = 'weights'): string {
  const full = path.join(dir, file)
  mkdirSync(path.dirname(full), { recursive: true })
  writeFileSync(full, content)
  return full
}

function manifestFor(file: string, more: object = {}): string {
  const sha256 = createHash('sha256').update('weights').digest('hex')
  return JSON.stringify({ files: [{ path: file, bytes: 7, sha256 }], ...more })
}

function readText(file: string): string {
  return readFileSync(file, 'utf8')
}

describe('a path is', () => {
  test.each([
    ['reg', ['flowers/3/model.onnx', 'cats/1/saved_model.pb'], ['cats/1', 'flowers/3']],
    ['flowers', ['3/model.onnx', '4/model.onnx', 'model.json'], ['flowers/3', 'flowers/4']],
    ['flowers', ['net.onnx'], ['flowers/1']],
    ['flowers', ['saved_model.pb', 'variables/variables.index'], ['flowers/1']],
    ['flowers/3', ['model.onnx'], ['flowers/3']],
    ['flowers/saved_model', ['saved_model.pb'], ['flowers/1']],
    ['My Flowers (new)', ['model.onnx'], ['My-Flowers-new-/1']],
    ['flowers/roses.onnx', [''], ['roses/1']],
    ['flowers/model.onnx', [''], ['flowers/1']],
    ['flowers/7/model.onnx', [''], ['flowers/7']],
    ['flowers.v2/saved_model.pb', [''], ['flowers.v2/1']],
    ['empty', ['notes.txt'], []],
  ])('%s with %j: %j', async (given, files, names) => {
    for (const file of files) write(path.join(given, file))
    const watch = await RegistryWatch.open(path.join(dir, given))
    await watch.until(...names)
  })

  test('a TensorFlow.js model, which a policy of that name is not', async () => {
    write('tfjs/model.json', '{"format": "graph-model", "modelTopology": {"node": []}}')
    write('policy/model.json', '{"steps": []}')
    const watch = await RegistryWatch.open(path.join(dir, 'tfjs'))
    await watch.until('tfjs/1')
    const local = await watch.version('tfjs/1').materialize(signal)
    expect(local).toMatchObject({ format: 'tfjs-graph', entry: 'model.json' })
    await local.release()
    expect((await RegistryWatch.open(path.join(dir, 'policy'))).names).toEqual([])
  })

  test('a version with a manifest, which says what it is called and how it is served', async () => {
    write('download/net.onnx')
    write('download/manifest.json', manifestFor('net.onnx', { model: 'roses', version: 12 }))
    for (const given of ['download', 'download/net.onnx', 'download/manifest.json']) {
      const watch = await RegistryWatch.open(path.join(dir, given))
      expect(watch.names).toEqual(['roses/12'])
      const local = await watch.version('roses/12').materialize(signal)
      expect(local.manifest.model).toBe('roses')
      await local.release()
    }
  })

  test('versions of one model, which their manifests may call otherwise', async () => {
    write('mounted/1/net.onnx')
    write('mounted/2/net.onnx')
    write('mounted/2/manifest.json', manifestFor('net.onnx', { model: 'roses', version: 2 }))
    const watch = await RegistryWatch.open(path.join(dir, 'mounted'))
    await watch.until('roses/1', 'roses/2')
    await (await watch.version('roses/2').materialize(signal)).release()
  })

  test('refused with what was expected when it is nothing of that', async () => {
    write('notes.txt')
    const failure = (given: string) => expect(RegistryWatch.open(given)).rejects
    await failure(path.join(dir, 'notes.txt')).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('is no model'),
    })
    await failure(path.join(dir, 'absent')).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('there is no'),
    })
    await failure('/dev/null').toMatchObject({ code: 'CONFIG_INVALID' })
  })
})

describe('a single model file', () => {
  test('is served with its weights beside it and with nothing else', async () => {
    write('flowers/net.onnx')
    write('flowers/net.onnx.data')
    write('flowers/other.onnx')
    write('flowers/secret.txt')
    const watch = await RegistryWatch.open(path.join(dir, 'flowers/net.onnx'))
    await watch.until('net/1')
    const local = await watch.version('net/1').materialize(signal)
    expect(local.manifest.files.map((file) => file.path)).toEqual(['net.onnx', 'net.onnx.data'])
    await local.release()
  })

  test('is another version when it is written again or replaced', async () => {
    const file = write('net.onnx', 'one')
    const watch = await RegistryWatch.open(file)
    await watch.until('net/1')
    const first = watch.version('net/1').fingerprint
    write('net.onnx', 'two')
    await waitFor(() => watch.version('net/1').fingerprint !== first, 'the second')
    expect(await watch.contentOf('net/1', readText)).toBe('two')
    const second = watch.version('net/1').fingerprint
    renameSync(write('next.onnx', 'three'), file)
    await waitFor(() => watch.version('net/1').fingerprint !== second, 'the third')
    expect(await watch.contentOf('net/1', readText)).toBe('three')
  })

  test('may be named by a link', async () => {
    write('store/0123abcd.onnx')
    symlinkSync('store/0123abcd.onnx', path.join(dir, 'flowers.onnx'))
    const watch = await RegistryWatch.open(path.join(dir, 'flowers.onnx'))
    await watch.until('flowers/1')
    expect(await watch.contentOf('flowers/1', readText)).toBe('weights')
  })
})

test('the model that comes along can be served in every way', async () => {
  const models = new URL('../../models/', import.meta.url).pathname
  const digests = new Set<string>()
  for (const given of ['', 'efficientnet-lite', 'efficientnet-lite/1']) {
    const watch = await RegistryWatch.open(path.join(models, given))
    expect(watch.names).toEqual(['efficientnet-lite/1'])
    expect(watch.problems).toEqual([])
    const local = await watch.version('efficientnet-lite/1').materialize(signal)
    digests.add(local.digest)
    expect(local.labels).toHaveLength(1000)
    await local.release()
  }
  expect(digests.size).toBe(1)
})

test('a corrupt copy of it is refused', async () => {
  const models = new URL('../../models/', import.meta.url).pathname
  cpSync(models, dir, { recursive: true })
  const file = path.join(dir, 'efficientnet-lite/1/model.onnx')
  const bytes = readFileSync(file)
  bytes[5_000_000] = (bytes[5_000_000] ?? 0) ^ 1
  writeFileSync(file, bytes)
  const watch = await RegistryWatch.open(dir)
  await expect(watch.version('efficientnet-lite/1').materialize(signal)).rejects.toMatchObject({
    code: 'VERSION_CORRUPT',
  })
})

import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { describe, expect, test } from 'vitest'

import { predict } from '../support/client.ts'
import { cutover, start } from '../support/cutover.ts'
import { dark } from '../support/images.ts'
import {
  bucketRegistry,
  type CommandRegistry,
  folderRegistry,
  intactManifest,
  on,
} from '../support/registries.ts'
import { fixture, temporaryDirectory } from '../support/registry.ts'
import { childrenOf, startServer, waitFor } from '../support/server.ts'

const model = fixture('models/class-1.onnx')
const other = fixture('models/class-2.onnx')

/** A model's directory with these files. */
function modelDir(files: Readonly<Record<string, string>> = {}, network = 'class-1'): string {
  const dir = temporaryDirectory()
  copyFileSync(fixture(`models/${network}.onnx`), path.join(dir, 'model.onnx'))
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true })
    writeFileSync(path.join(dir, file), text)
  }
  return dir
}

const KINDS: [name: string, make: () => Promise<CommandRegistry>][] = [
  ['a folder', async () => folderRegistry()],
  ['a bucket', bucketRegistry],
]

describe.concurrent.each(KINDS)('publish to %s', (_name, make) => {
  test('a model file becomes version 1, then 2, and a server serves it', async () => {
    const registry = await make()
    const first = await on(registry, 'publish', model, '--model', 'm')
    expect(first).toMatchObject({ code: 0 })
    expect(first.stdout).toContain('published m version 1 in ')
    expect(await on(registry, 'publish', other, '--model', 'm')).toMatchObject({ code: 0 })
    expect(await intactManifest(registry, 'm/1')).toMatchObject({ model: 'm', version: 1 })
    expect(await intactManifest(registry, 'm/2')).toMatchObject({ version: 2, format: 'onnx' })
    const server = await startServer(registry.url, { env: registry.env })
    expect((await predict(server.url, dark)).body.class_index).toBe(2)
  })

  test('a directory, with what its manifest.json says, labels and annotations', async () => {
    const registry = await make()
    const template = {
      files: 'are not looked at',
      version: 77,
      image: { mean: [1, 2, 3] },
      annotations: { a: '1', b: '1' },
    }
    const dir = modelDir({
      'manifest.json': JSON.stringify(template),
      'deep/notes.txt': 'hello',
      'empty.txt': '',
      '.hidden': 'no',
    })
    const labels = path.join(temporaryDirectory(), 'names.json')
    writeFileSync(labels, JSON.stringify(['zero', 'one', 'two', 'three', 'four', 'five']))
    const annotate = ['--annotate', 'b=2', '--annotate', 'url=x=y']
    const args = ['--model', 'm', '--version', '5', '--labels', labels, ...annotate, '--json']
    const ended = await on(registry, 'publish', dir, ...args)
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(ended.stdout)).toMatchObject({ model: 'm', version: 5, verified: true })
    const manifest = await intactManifest(registry, 'm/5')
    expect(manifest).toMatchObject({
      version: 5,
      labels: 'labels.json',
      image: { mean: [1, 2, 3] },
      annotations: { a: '1', b: '2', url: 'x=y' },
    })
    expect(manifest.files.map(({ path }) => path)).toEqual([
      'deep/notes.txt',
      'empty.txt',
      'labels.json',
      'model.onnx',
    ])
  })

  test('labels that are not as many as the classes are noticed', async () => {
    const registry = await make()
    const odd = modelDir({ 'labels.json': '["a", "b", "c"]' })
    const { code, stdout } = await on(registry, 'publish', odd, '--model', 'm')
    expect(code).toBe(0)
    expect(stdout).toContain('note: 3 labels for the 10 classes of scores\n')
    const right = modelDir({ 'labels.json': JSON.stringify('abcdefghij'.split('')) })
    expect((await on(registry, 'publish', right, '--model', 'm')).stdout).not.toContain('note: ')
    const server = await startServer(registry.url, {
      env: registry.env,
      flags: ['--versions-loaded-max', '2'],
    })
    await waitFor(() => server.events('version.ready').length === 2, 'both versions')
    const noticeOf = (version: number) =>
      server.events('version.ready').find((line) => line['version'] === version)?.['notice']
    expect(noticeOf(1)).toBe('3 labels for the 10 classes of scores')
    expect(noticeOf(2)).toBeUndefined()
  })

  test('a version that exists stays as it is: exit code 3', async () => {
    const registry = await make()
    await on(registry, 'publish', model, '--model', 'm', '--version', '3', '--no-verify')
    const before = await intactManifest(registry, 'm/3')
    const args = ['--model', 'm', '--version', '3', '--json']
    const again = await on(registry, 'publish', other, ...args)
    expect(again.code).toBe(3)
    expect(JSON.parse(again.stdout)).toMatchObject({ error: { code: 'VERSION_EXISTS' } })
    expect(again.stderr).toMatch(/^cutover: m version 3 exists in .*\n$/)
    expect(await intactManifest(registry, 'm/3')).toEqual(before)
  })

  test('a model that does not load or run is never uploaded: exit code 4', async () => {
    const registry = await make()
    const broken = modelDir()
    writeFileSync(path.join(broken, 'model.onnx'), 'no model at all')
    const ended = await on(registry, 'publish', broken, '--model', 'm')
    expect(ended.code).toBe(4)
    expect(ended.stderr).toContain('a server would refuse this model: ')
    expect(registry.files()).toEqual([])
    const blind = await on(registry, 'publish', broken, '--model', 'm', '--no-verify')
    expect(blind.code).toBe(0)
  })
})

test.concurrent.each(KINDS)(
  'to %s: no manifest that servers refuse to read',
  async (_name, make) => {
    const registry = await make()
    // As it is written it is half as large again, and beyond what is read.
    const annotations = Object.fromEntries(Array.from({ length: 250_000 }, (_, n) => [n, '']))
    const dir = modelDir({ 'manifest.json': JSON.stringify({ annotations }) })
    const ended = await on(registry, 'publish', dir, '--model', 'm', '--no-verify')
    expect(ended.stderr).toContain('cutover: manifest.json would be larger than 4.2 MB\n')
    expect(ended.code).toBe(4)
    expect(registry.files()).toEqual([])
  },
)

describe.concurrent('a model that could not be tried is not refused: exit code 1', () => {
  const hanging = fixture('models/hang-at-once.onnx')

  test('an engine that was not ready in time', async () => {
    const registry = folderRegistry()
    const env = { CUTOVER_LOAD_TIMEOUT_MS: '1500' }
    const args = ['--model', 'm', '--registry', registry.url, '--json']
    const ended = await cutover(['publish', hanging, ...args], env)
    expect(ended.code).toBe(1)
    expect(JSON.parse(ended.stdout)).toMatchObject({
      error: {
        code: 'ENGINE_TIMEOUT',
        message: expect.stringMatching(/^the model could not be tried: /),
      },
    })
    expect(registry.files()).toEqual([])
  })

  test('an engine that was killed', async () => {
    const registry = folderRegistry()
    const args = ['--model', 'm', '--registry', registry.url, '--json']
    const publishing = start(['publish', hanging, ...args])
    const [engine = -1] = await waitFor(() => {
      const pids = childrenOf(publishing.process.pid ?? -1)
      return pids.length > 0 && pids
    }, 'the engine to start')
    process.kill(engine, 'SIGKILL')
    const ended = await publishing.ended
    expect(ended.code).toBe(1)
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'ENGINE_CRASHED' } })
    expect(registry.files()).toEqual([])
  })
})

describe.concurrent('bad input', () => {
  const linked = modelDir()
  symlinkSync('model.onnx', path.join(linked, 'link.onnx'))
  const text = path.join(temporaryDirectory(), 'notes.txt')
  writeFileSync(text, 'no model')
  const cases: [what: string, args: string[], code: number, stderr: RegExp][] = [
    ['no such path', ['/nowhere/at/all'], 2, /there is no \/nowhere\/at\/all/],
    ['no model', [text], 2, /is no model: expected a model's directory/],
    ['an empty directory', [temporaryDirectory()], 2, /there are no files in/],
    ['a name that is none', [model, '--model', '../up'], 2, /"..\/up" is not the name of a model/],
    ['a version that is none', [model, '--version', '007'], 2, /"007" is not a version/],
    ['an annotation that is none', [model, '--annotate', 'x'], 2, /expected KEY=VALUE/],
    ['an unknown option', [model, '--nonsense'], 2, /unknown option/],
    ['a link', [linked], 4, /link.onnx is a link or no regular file/],
    ['two models', [modelDir({ 'b.onnx': '', 'c.h5': '' })], 4, /more than one model/],
    ['a Keras file', [modelDir({ 'manifest.json': '{"format":"keras"}' })], 4, /no keras model/],
    ['bad labels', [modelDir({ 'labels.json': '{}' })], 4, /labels.json: expected an array/],
    ['bad template', [modelDir({ 'manifest.json': '[' })], 4, /manifest.json: /],
    ['bad settings', [modelDir({ 'manifest.json': '{"image":{"crop":2}}' })], 4, /image.crop/],
    ['no labels', [model, '--labels', '/no/labels.json'], 2, /there is no file \/no\/labels.json/],
    ['no bucket', [model, '--registry', 's3://'], 2, /expected s3:\/\/BUCKET/],
    ['no registry', [model, '--registry', '/no/registry'], 2, /there is no folder/],
    [
      "one model's folder",
      [model, '--registry', fixture('../../models/efficientnet-lite')],
      2,
      /one model/,
    ],
  ]
  test.each(cases)('%s', async (_what, args, code, stderr) => {
    const registry = folderRegistry()
    const rest = args.includes('--model') ? [] : ['--model', 'm']
    const where = args.includes('--registry') ? [] : ['--registry', registry.url]
    const ended = await cutover(['publish', ...args, ...rest, ...where, '--json'])
    expect(ended.stderr).toMatch(stderr)
    // What commander finds wrong comes with its help.
    if (!args.includes('--nonsense')) {
      expect(JSON.parse(ended.stdout)).toMatchObject({
        error: { message: expect.stringMatching(stderr) },
      })
    }
    expect(ended.stderr.split('\n').filter((line) => /^ +at /.test(line))).toHaveLength(0)
    expect(ended.code).toBe(code)
    expect(registry.files()).toEqual([])
  })

  test('a bucket that is not there, or not allowed, is named in one line', async () => {
    const registry = await bucketRegistry()
    const args = ['publish', model, '--model', 'm', '--no-verify']
    const absent = await cutover([...args, '--registry', 's3://other-bucket/x'], registry.env)
    expect(absent).toMatchObject({ code: 1 })
    expect(absent.stderr).toContain('there is no such bucket')
    registry.bucket.s3.inject({ operation: 'put', effect: { kind: 'error', code: 'AccessDenied' } })
    const denied = await on(registry, ...args)
    expect(denied).toMatchObject({ code: 1 })
    expect(denied.stderr).toContain('access denied: the credentials need s3:PutObject (403')
    registry.bucket.s3.clearFaults()
    registry.bucket.s3.inject({
      operation: 'list',
      effect: { kind: 'error', code: 'AccessDenied' },
    })
    const unread = await on(registry, ...args)
    expect(unread.stderr).toContain('the credentials need s3:ListBucket on the bucket and s3:Get')
  })
})

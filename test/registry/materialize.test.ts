import { createHash } from 'node:crypto'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import path from 'node:path'

import { beforeEach, describe, expect, test } from 'vitest'

import type { Manifest } from '../../src/domain/manifest.ts'
import { type CacheDir, openCacheDir } from '../../src/registry/cache-dir.ts'
import { copyFiles } from '../../src/registry/copy-files.ts'
import { type FileStore, folderStore } from '../../src/registry/file-store.ts'
import { materialize } from '../../src/registry/materialize.ts'
import { digestOf, parseManifest } from '../../src/wire/manifest.ts'
import { temporaryDirectory } from '../support/registry.ts'

let dir: string
let cache: CacheDir
beforeEach(async () => {
  dir = temporaryDirectory()
  cache = await openCacheDir(temporaryDirectory())
})

function write(file: string, content: string | Buffer = 'weights'): void {
  mkdirSync(path.dirname(path.join(dir, file)), { recursive: true })
  writeFileSync(path.join(dir, file), content)
}

/** A manifest of what lies in `dir`, as the schema takes it. */
function manifestOf(files: string[], more: object = {}): Manifest {
  const listed = files.map((file) => {
    const bytes = existsSync(path.join(dir, file)) ? readFileSync(path.join(dir, file)) : ''
    return { path: file, bytes: bytes.length, sha256: sha256(bytes) }
  })
  return parseManifest(Buffer.from(JSON.stringify({ files: listed, ...more })))
}

function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function copy(
  content: Manifest | string[],
  {
    bytesMax = 1e9,
    signal = new AbortController().signal,
    store = folderStore(dir),
  }: { bytesMax?: number; signal?: AbortSignal; store?: FileStore } = {},
) {
  const manifest = 'files' in content ? content : undefined
  const wanted = 'files' in content ? content.files : content.map((file) => ({ path: file }))
  const write = (to: string) => copyFiles(wanted, store, to, { bytesMax, signal })
  return materialize({ model: 'm', version: 3, manifest, write }, { cache, bytesMax, signal })
}

/** Resolves with the failure, and says that nothing was left behind. */
async function failureOf(copying: Promise<unknown>): Promise<unknown> {
  const failure: unknown = await copying.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(readdirSync(cache.dir)).toEqual([])
  return failure
}

describe('a copy', () => {
  test('holds what the manifest lists, verified and read-only', async () => {
    write('model.onnx')
    write('extra/names.json', '["cat", "dog"]')
    write('unlisted.txt')
    const manifest = manifestOf(['model.onnx', 'extra/names.json'], { labels: 'extra/names.json' })
    const local = await copy(manifest)
    expect(local).toMatchObject({
      model: 'm',
      version: 3,
      digest: digestOf({ ...manifest, model: 'm', version: 3 }),
      format: 'onnx',
      entry: 'model.onnx',
      bytes: 21,
      labels: ['cat', 'dog'],
      manifest,
    })
    const copied = readdirSync(local.dir, { encoding: 'utf8', recursive: true })
    expect(copied.sort()).toEqual(['extra', 'extra/names.json', 'model.onnx'])
    expect(readFileSync(path.join(local.dir, 'model.onnx'), 'utf8')).toBe('weights')
    expect(statSync(local.dir).mode & 0o777).toBe(0o500)
    expect(statSync(path.join(local.dir, 'extra')).mode & 0o777).toBe(0o500)
    expect(statSync(path.join(local.dir, 'model.onnx')).mode & 0o777).toBe(0o400)
    expect(statSync(cache.dir).mode & 0o777).toBe(0o700)
    await local.release()
    expect(readdirSync(cache.dir)).toEqual([])
    await local.release()
  })

  test('of files without a manifest gets one made of what was copied', async () => {
    write('model.onnx')
    write('labels.json', '["cat"]')
    const local = await copy(['labels.json', 'model.onnx'])
    expect(local.manifest).toEqual(manifestOf(['labels.json', 'model.onnx']))
    expect(local.digest).toBe(digestOf({ ...local.manifest, model: 'm', version: 3 }))
    expect(local.labels).toEqual(['cat'])
  })

  test('never has the place of another one', async () => {
    write('model.onnx')
    const [one, two] = [await copy(['model.onnx']), await copy(['model.onnx'])]
    expect(one.dir).not.toBe(two.dir)
    expect(one.digest).toBe(two.digest)
  })

  test('shares nothing with the original, whose later changes it does not see', async () => {
    write('model.onnx')
    linkSync(path.join(dir, 'model.onnx'), path.join(dir, 'hard.onnx'))
    const local = await copy(['hard.onnx'])
    write('model.onnx', 'altered')
    expect(readFileSync(path.join(local.dir, 'hard.onnx'), 'utf8')).toBe('weights')
  })

  test('of a TensorFlow.js model and of a SavedModel says what to open', async () => {
    write('model.json', '{"format": "graph-model", "modelTopology": {"node": []}}')
    write('group1.bin')
    expect(await copy(['group1.bin', 'model.json'])).toMatchObject({
      format: 'tfjs-graph',
      entry: 'model.json',
    })
    write('saved/saved_model.pb')
    write('saved/variables/variables.index')
    const saved = ['saved/saved_model.pb', 'saved/variables/variables.index']
    expect(await copy(saved)).toMatchObject({ format: 'saved-model', entry: 'saved' })
  })

  test('of 64 MB takes much less memory than that', async () => {
    const megabytes = 64
    write('model.onnx', Buffer.alloc(megabytes * 1024 ** 2, 7))
    const manifest = manifestOf(['model.onnx'])
    global.gc?.()
    const before = process.memoryUsage.rss()
    let most = before
    const folder = folderStore(dir)
    const store: FileStore = {
      async *open(file, signal) {
        for await (const chunk of folder.open(file, signal)) {
          most = Math.max(most, process.memoryUsage.rss())
          yield chunk
        }
      },
    }
    const local = await copy(manifest, { store })
    expect(local.bytes).toBe(megabytes * 1024 ** 2)
    expect(most - before).toBeLessThan(24 * 1024 ** 2)
    await local.release()
  })
})

describe('a version is refused, and nothing is left, when', () => {
  beforeEach(() => write('model.onnx'))

  test('a file has other bytes', async () => {
    const manifest = manifestOf(['model.onnx'])
    write('model.onnx', 'Weights')
    expect(await failureOf(copy(manifest))).toMatchObject({
      code: 'VERSION_CORRUPT',
      message: expect.stringContaining('model.onnx has the sha256'),
    })
  })

  test('a file is too long', async () => {
    const manifest = manifestOf(['model.onnx'])
    write('model.onnx', 'weights and more')
    expect(await failureOf(copy(manifest))).toMatchObject({
      code: 'VERSION_CORRUPT',
      message: 'model.onnx has 16 bytes, but manifest.json says 7',
    })
  })

  test('a file is too short', async () => {
    const manifest = manifestOf(['model.onnx'])
    write('model.onnx', 'we')
    expect(await failureOf(copy(manifest))).toMatchObject({
      code: 'VERSION_INCOMPLETE',
      message: 'model.onnx has 2 bytes, but manifest.json says 7',
    })
  })

  test('a file is missing', async () => {
    const manifest = manifestOf(['model.onnx', 'data/shard.bin'])
    expect(await failureOf(copy(manifest))).toMatchObject({
      code: 'VERSION_INCOMPLETE',
      message: 'data/shard.bin is missing',
    })
  })

  test('a file is a link, wherever it leads', async () => {
    write('real.bin', 'weights')
    symlinkSync('real.bin', path.join(dir, 'linked.onnx'))
    symlinkSync('/etc/passwd', path.join(dir, 'passwd.onnx'))
    for (const file of ['linked.onnx', 'passwd.onnx']) {
      expect(await failureOf(copy([file]))).toMatchObject({
        code: 'VERSION_CORRUPT',
        message: expect.stringContaining(`${file} is a link`),
      })
    }
  })

  test('a file lies behind a linked directory', async () => {
    symlinkSync('/etc', path.join(dir, 'etc'))
    expect(await failureOf(copy(['model.onnx', 'etc/passwd']))).toMatchObject({
      code: 'VERSION_CORRUPT',
      message: expect.stringContaining('etc/passwd is a link'),
    })
  })

  test('a file is a named pipe, which nobody writes to', async () => {
    execFileSync('sh', ['-c', 'mkfifo "$0"', path.join(dir, 'pipe.onnx')])
    expect(await failureOf(copy(['pipe.onnx']))).toMatchObject({ code: 'VERSION_CORRUPT' })
  })

  test('a file is a socket', async () => {
    const server = createServer().listen(path.join(dir, 'socket.onnx'))
    await once(server, 'listening')
    expect(await failureOf(copy(['socket.onnx']))).toMatchObject({ code: 'VERSION_CORRUPT' })
    server.close()
  })

  test('a file is a directory', async () => {
    mkdirSync(path.join(dir, 'dir.onnx'))
    expect(await failureOf(copy(['dir.onnx']))).toMatchObject({ code: 'VERSION_CORRUPT' })
  })

  test('it is too large, by its manifest or by its bytes', async () => {
    write('more.bin')
    const files = ['model.onnx', 'more.bin']
    for (const content of [manifestOf(files), files]) {
      expect(await failureOf(copy(content, { bytesMax: 13 }))).toMatchObject({
        code: 'MODEL_UNLOADABLE',
        message: expect.stringContaining('--version-bytes-max'),
      })
    }
    expect(await copy(files, { bytesMax: 14 })).toMatchObject({ bytes: 14 })
  })

  test.each([
    ['labels.json', '{"0": "cat"}', 'MANIFEST_INVALID', 'an array of strings'],
    ['labels.json', 'cat', 'MANIFEST_INVALID', 'JSON'],
    ['model.h5', 'x', 'FORMAT_UNSUPPORTED', 'more than one model'],
    ['deep/model.json', '{', undefined, ''],
  ])('%s beside it holds %j', async (file, content, code, sentence) => {
    write(file, content)
    if (code === undefined) {
      expect(await copy(['model.onnx', file])).toMatchObject({ format: 'onnx' })
      return
    }
    expect(await failureOf(copy(['model.onnx', file]))).toMatchObject({
      code,
      message: expect.stringContaining(sentence),
    })
  })

  test.each([
    ['notes.txt', 'no model among the files'],
    ['model.json', 'no TensorFlow.js model'],
  ])('there is only a %s', async (file, sentence) => {
    write(file)
    expect(await failureOf(copy([file]))).toMatchObject({
      code: 'FORMAT_UNSUPPORTED',
      message: expect.stringContaining(sentence),
    })
  })

  test('there are no files', async () => {
    expect(await failureOf(copy([]))).toMatchObject({ code: 'FORMAT_UNSUPPORTED' })
  })

  test('the source breaks off in the middle', async () => {
    const store: FileStore = {
      async *open() {
        yield Buffer.from('wei')
        throw new Error('EIO: the disk is gone')
      },
    }
    expect(await failureOf(copy(['model.onnx'], { store }))).toMatchObject({
      message: 'EIO: the disk is gone',
    })
  })

  test('it is not wanted any more, in the middle of a file', async () => {
    const abort = new AbortController()
    const folder = folderStore(dir)
    let chunks = 0
    write('model.onnx', Buffer.alloc(8 * 1024 ** 2))
    const store: FileStore = {
      async *open(file, signal) {
        for await (const chunk of folder.open(file, signal)) {
          if (++chunks === 3) abort.abort(new Error('not wanted any more'))
          yield chunk
        }
      },
    }
    const copying = copy(['model.onnx'], { store, signal: abort.signal })
    expect(await failureOf(copying)).toMatchObject({ message: 'not wanted any more' })
    expect(chunks).toBe(3)
  })
})

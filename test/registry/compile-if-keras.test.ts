import { cpSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { InferenceSession, Tensor } from 'onnxruntime-node'
import { beforeEach, describe, expect, test } from 'vitest'

import { type CacheDir, openCacheDir } from '../../src/registry/cache-dir.ts'
import { copyFiles } from '../../src/registry/copy-files.ts'
import { folderStore } from '../../src/registry/file-store.ts'
import { materialize } from '../../src/registry/materialize.ts'
import type { LocalVersion } from '../../src/registry/source.ts'
import { removeTree } from '../../src/lib/remove-tree.ts'
import { fixture, temporaryDirectory } from '../support/registry.ts'

let dir: string
let base: string
let cache: CacheDir
beforeEach(async () => {
  dir = temporaryDirectory()
  base = temporaryDirectory()
  cache = await openCacheDir(base)
})

function copy(signal = new AbortController().signal): Promise<LocalVersion> {
  const wanted = readdirSync(dir).map((file) => ({ path: file }))
  const limits = { bytesMax: 1e9, signal }
  const write = (to: string) => copyFiles(wanted, folderStore(dir), to, limits)
  return materialize({ model: 'm', version: 1, manifest: undefined, write }, { cache, ...limits })
}

async function answers(file: string): Promise<Float32Array> {
  const session = await InferenceSession.create(file)
  const values = Float32Array.from({ length: 2 * 32 * 32 * 3 }, (_, at) => (at % 255) / 255)
  const input = new Tensor('float32', values, [2, 32, 32, 3])
  const outputs = await session.run({ [session.inputNames[0] ?? '']: input })
  await session.release()
  return outputs[session.outputNames[0] ?? '']?.data as Float32Array
}

/** The network as TensorFlow itself exported it. */
const expected = await answers(fixture('models/tiny/model.onnx'))

async function expectDigits(local: LocalVersion): Promise<void> {
  const found = await answers(path.join(local.dir, local.entry))
  expect(
    Math.max(...found.map((value, at) => Math.abs(value - (expected[at] ?? NaN)))),
  ).toBeLessThan(1e-6)
}

function compiledFiles(): string[] {
  const compiled = path.join(base, 'compiled')
  return existsSync(compiled)
    ? readdirSync(compiled).map((name) => path.join(compiled, name, 'model.onnx'))
    : []
}

describe('a Keras file is compiled to what it computes', () => {
  test.each(['model.h5', 'model_tf2.h5', 'model_tf212.h5'])('%s', async (file) => {
    cpSync(fixture(`models/tiny/${file}`), path.join(dir, file))
    const local = await copy()
    expect(local).toMatchObject({ format: 'keras', entry: 'cutover-compiled/model.onnx' })
    await expectDigits(local)
    await local.release()
    expect(readdirSync(cache.dir)).toEqual([])
  })
})

describe('what was compiled', () => {
  beforeEach(() => cpSync(fixture('models/tiny/model.h5'), path.join(dir, 'model.h5')))

  test('is kept, and used again', async () => {
    await (await copy()).release()
    const [kept = ''] = compiledFiles()
    // What is answered now can only come from there.
    const local = await copy()
    expect(compiledFiles()).toEqual([kept])
    expect(readFileSync(path.join(local.dir, local.entry))).toEqual(readFileSync(kept))
    await local.release()
  })

  test('is compiled again when it is damaged', async () => {
    await (await copy()).release()
    const [kept = ''] = compiledFiles()
    truncateSync(kept, 1000)
    const local = await copy()
    await expectDigits(local)
    await local.release()
  })

  test('is not kept beyond a bound', async () => {
    const local = await copy()
    const entry = path.dirname(compiledFiles()[0] ?? '')
    for (let other = 0; other < 20; other++) cpSync(entry, `${entry}-${other}`, { recursive: true })
    await local.release()
    await removeTree(entry)
    await (await copy()).release()
    expect(compiledFiles()).toHaveLength(16)
  })
})

describe('a version is refused, and nothing is left behind, when', () => {
  async function refused(content: string | Uint8Array): Promise<unknown> {
    writeFileSync(path.join(dir, 'model.h5'), content)
    const failure: unknown = await copy().catch((error: unknown) => error)
    expect(readdirSync(cache.dir)).toEqual([])
    expect(compiledFiles()).toEqual([])
    return failure
  }

  test('its file is no Keras file', async () => {
    expect(await refused('weights')).toMatchObject({
      code: 'MODEL_UNLOADABLE',
      message: expect.stringContaining('no Keras model'),
    })
  })

  test('its file is cut off', async () => {
    const whole = readFileSync(fixture('models/tiny/model.h5'))
    expect(await refused(whole.subarray(0, 20_000))).toMatchObject({
      code: 'MODEL_UNLOADABLE',
      message: expect.stringContaining('20000 of 49704 bytes'),
    })
  })

  test('nobody wants it any more', async () => {
    cpSync(fixture('models/tiny/model.h5'), path.join(dir, 'model.h5'))
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('gone')), 50)
    await expect(copy(controller.signal)).rejects.toThrow('gone')
    expect(readdirSync(cache.dir)).toEqual([])
  })
})

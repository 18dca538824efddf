import { copyFileSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { beforeEach, describe, expect, test } from 'vitest'

import { type Draft, draftOf } from '../../src/registry/publish/draft.ts'
import { FolderStore } from '../../src/registry/publish/folder-store.ts'
import { fixture, temporaryDirectory } from '../support/registry.ts'

const FILES = 9
const { signal } = new AbortController()

let registry: string
let modelDir: string
beforeEach(() => {
  registry = temporaryDirectory()
  modelDir = path.join(registry, 'm')
  mkdirSync(modelDir)
})

describe('a publisher whose directory is taken away', () => {
  /** A model of more files than are copied at once. */
  async function draft(): Promise<Draft> {
    const dir = temporaryDirectory()
    copyFileSync(fixture('models/class-1.onnx'), path.join(dir, 'model.onnx'))
    for (let n = 1; n < FILES; n++) {
      mkdirSync(path.join(dir, `weights-${n}`))
      writeFileSync(path.join(dir, `weights-${n}`, 'a.bin'), 'weights')
    }
    return draftOf(dir, { model: 'm', annotations: {} }, signal)
  }

  function take(): void {
    const [staging = ''] = readdirSync(modelDir)
    renameSync(path.join(modelDir, staging), path.join(registry, 'taken'))
  }

  test.each([1, FILES])('after %d files fails, and makes no version of the rest', async (files) => {
    const real = await draft()
    let read = 0
    const open: Draft['open'] = async function* (file, signal) {
      yield* real.open(file, signal)
      if (++read === files) take()
    }
    const options = { version: 1, signal, onProgress: () => {} }
    const store = new FolderStore(registry)
    await expect(store.publish({ ...real, open }, options)).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('was taken away'),
    })
    expect(readdirSync(modelDir)).toEqual([])
    expect(await store.publish(real, options)).toMatchObject({ kind: 'published' })
    expect(readdirSync(path.join(modelDir, '1'))).toHaveLength(FILES + 1)
  })
})

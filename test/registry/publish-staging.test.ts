import { copyFileSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { beforeEach, describe, expect, test } from 'vitest'

import { processStart } from '../../src/lib/process-start.ts'
import { type Draft, draftOf } from '../../src/registry/publish/draft.ts'
import { FolderStore } from '../../src/registry/publish/folder-store.ts'
import { openStaging } from '../../src/registry/publish/folder-staging.ts'
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

describe('what a killed publisher left', () => {
  const content = '0'.repeat(64)
  const left = (pid: number, start: number, host = os.hostname()) => {
    const name = `.publishing-${content.slice(0, 16)}.${pid}.${start}.0123abcd@${host}`
    mkdirSync(path.join(modelDir, name))
    writeFileSync(path.join(modelDir, name, 'model.onnx'), 'x')
    return name
  }
  const started = processStart(process.pid) ?? 0

  test('is taken over by one that got its number, as happens in containers', async () => {
    const name = left(process.pid, started - 1)
    const own = await openStaging(modelDir, content)
    expect(readdirSync(modelDir)).toEqual([path.basename(own)])
    expect(path.basename(own)).not.toBe(name)
    expect(readdirSync(own)).toEqual(['model.onnx'])
  })

  test('is not what a living one is at, or one on another machine', async () => {
    const others = [left(process.pid, started), left(process.pid, started - 1, 'elsewhere')]
    const own = await openStaging(modelDir, content)
    expect(readdirSync(modelDir).sort()).toEqual([...others, path.basename(own)].sort())
    expect(readdirSync(own)).toEqual([])
  })
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

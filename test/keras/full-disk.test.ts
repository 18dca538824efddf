import type * as Fs from 'node:fs'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { compileKeras } from '../../src/keras/compile.ts'
import { unpack } from '../../src/keras/read/keras-archive.ts'
import { temporaryDirectory } from '../support/registry.ts'
import { smallArchive } from './small-archive.ts'

const failing = vi.hoisted(() => ({ call: '', code: '' }))

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>()
  const failable = <Call extends (...args: never[]) => unknown>(name: string, call: Call) =>
    ((...args: never[]) => {
      if (failing.call !== name) return call(...args)
      throw Object.assign(new Error(`${failing.code}: ${name}`), { code: failing.code })
    }) as Call
  return {
    ...fs,
    writeSync: failable('writeSync', fs.writeSync),
    writevSync: failable('writevSync', fs.writevSync),
  }
})

let dir: string
let target: string
beforeEach(() => {
  dir = temporaryDirectory()
  target = path.join(dir, 'model.onnx')
})
afterEach(() => {
  failing.call = ''
})

describe('a disk that is full is no fault of the file', () => {
  test.each([
    ['the weights', 'writeSync', 'ENOSPC'],
    ['the weights', 'writeSync', 'EDQUOT'],
    ['the compiled model', 'writevSync', 'ENOSPC'],
  ])('when %s are written (%s, %s)', async (_, call, code) => {
    const file = await smallArchive(dir)
    const before = readdirSync(dir)
    Object.assign(failing, { call, code })
    await expect(compileKeras(file, target)).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(readdirSync(dir)).toEqual(before)
    failing.call = ''
    await compileKeras(file, target)
    expect(existsSync(target)).toBe(true)
  })
})

describe('what the system refuses is told as it is', () => {
  test.each([
    ['stored', false],
    ['deflated', true],
  ])('for weights that are %s', async (_, deflated) => {
    const file = await smallArchive(dir, deflated)
    await expect(unpack(file, path.join(dir, 'absent'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('and when the archive itself cannot be opened', async () => {
    const absent = path.join(dir, 'absent.keras')
    await expect(unpack(absent, dir)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('without files left', async () => {
    const file = await smallArchive(dir)
    Object.assign(failing, { call: 'writeSync', code: 'EMFILE' })
    await expect(compileKeras(file, target)).rejects.toMatchObject({ code: 'EMFILE' })
  })
})

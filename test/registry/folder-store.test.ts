import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { FolderStore } from '../../src/registry/publish/folder-store.ts'
import { temporaryDirectory } from '../support/registry.ts'

const NOBODY = 65_534
const { signal } = new AbortController()

/** Root may read everything. */
function becomeNobody(): void {
  if (process.geteuid?.() !== 0) return
  process.seteuid?.(NOBODY)
  onTestFinished(() => process.seteuid?.(0))
}

test('a model whose directory cannot be read is missing from a survey, which says so', async () => {
  const root = temporaryDirectory()
  for (const model of ['a', 'b']) {
    mkdirSync(path.join(root, model, '1'), { recursive: true })
    writeFileSync(path.join(root, model, '1', 'model.onnx'), 'x')
  }
  chmodSync(root, 0o755)
  chmodSync(path.join(root, 'b'), 0)
  onTestFinished(() => chmodSync(path.join(root, 'b'), 0o700))
  becomeNobody()
  const store = new FolderStore(root)
  expect(await store.survey(signal)).toMatchObject({
    versions: [{ model: 'a', version: 1 }],
    problems: [{ path: path.join(root, 'b'), reason: expect.stringContaining('EACCES') }],
    isWhole: false,
  })
  expect(await store.survey(signal, 'a')).toMatchObject({
    versions: [{ model: 'a', version: 1 }],
    problems: [],
    isWhole: true,
  })
  expect(await store.survey(signal, 'b')).toMatchObject({ versions: [], isWhole: false })
})

test('what an interrupted removal left is swept, and the versions are not', async () => {
  const root = temporaryDirectory()
  for (const name of ['.removing-1-0123abcd', '.publishing-other', '2']) {
    mkdirSync(path.join(root, 'm', name), { recursive: true })
    writeFileSync(path.join(root, 'm', name, 'model.onnx'), 'x')
  }
  await new FolderStore(root).sweep('m')
  expect(readdirSync(path.join(root, 'm')).sort()).toEqual(['.publishing-other', '2'])
})

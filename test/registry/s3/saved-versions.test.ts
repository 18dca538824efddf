import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { beforeEach, expect, test } from 'vitest'

import { SavedVersions } from '../../../src/registry/s3/saved-versions.ts'
import { temporaryDirectory } from '../../support/registry.ts'

const version = {
  model: 'm',
  version: 1,
  fingerprint: 'f',
  etag: 'e',
  manifest: {
    schema: 'cutover/manifest/v1',
    files: [{ path: 'model.onnx', bytes: 1, sha256: 'a'.repeat(64) }],
  },
} as const

let shared: string
let saved: SavedVersions
beforeEach(() => {
  shared = temporaryDirectory()
  saved = again()
})

function again(): SavedVersions {
  return new SavedVersions(shared, 's3://models')
}

test('are there again, with their policies, and what cannot be understood is gone', async () => {
  await saved.save(version)
  await saved.savePolicies(new Map([['m', '{"pin": 1}']]))
  writeFileSync(path.join(saved.dir, 'n~1.json'), '{')
  const next = again()
  await next.load()
  expect(next.all()).toMatchObject([{ model: 'm', version: 1, fingerprint: 'f', etag: 'e' }])
  expect(next.policies).toEqual(new Map([['m', '{"pin": 1}']]))
  expect(readdirSync(saved.dir)).toHaveLength(2)
})

test('what another server is just writing stays, unless it was left behind', async () => {
  await saved.save(version)
  const old = new Date(Date.now() - 2 * 3600 * 1000)
  for (const name of ['.0123456789ab', '.ba9876543210']) {
    writeFileSync(path.join(saved.dir, name), '{')
  }
  utimesSync(path.join(saved.dir, '.ba9876543210'), old, old)
  await again().load()
  expect(readdirSync(saved.dir)).toEqual(['.0123456789ab', 'm~1.json'])
})

test('a model may have any name that a model can have', async () => {
  // The state of its rollout lies in a directory of its name.
  mkdirSync(path.join(saved.dir, 'policies.json'), { recursive: true })
  await saved.savePolicies(new Map([['policies.json', '{}']]))
  const next = again()
  await next.load()
  expect(next.policies).toEqual(new Map([['policies.json', '{}']]))
})

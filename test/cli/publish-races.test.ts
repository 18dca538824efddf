import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { describe, expect, test } from 'vitest'

import { predict } from '../support/client.ts'
import { start } from '../support/cutover.ts'
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
import type { Fault } from '../support/s3/faults.ts'

const MODEL = ['--model', 'm', '--no-verify', '--json']

/** A model with a heavy file of its own beside it. */
function heavyModel(network: string, megabytes: number, fill = network): string {
  const dir = temporaryDirectory()
  copyFileSync(fixture(`models/${network}.onnx`), path.join(dir, 'model.onnx'))
  writeFileSync(path.join(dir, 'weights.bin'), Buffer.alloc(megabytes * 1e6, fill))
  return dir
}

const KINDS: [name: string, make: () => Promise<CommandRegistry>][] = [
  ['a folder', async () => folderRegistry()],
  ['a bucket', bucketRegistry],
]

describe.each(KINDS)('publishers to %s that race', (_name, make) => {
  test('for one version: one wins, the others are told, and its bytes are its own', async () => {
    const registry = await make()
    // Small ones are one request, large ones are uploaded in parts.
    const models = [1, 2, 3, 4].map((n) => heavyModel(`class-${n}`, n % 2 === 0 ? 1 : 20))
    const args = [...MODEL, '--version', '7']
    const ends = await Promise.all(models.map((dir) => on(registry, 'publish', dir, ...args)))
    expect(ends.filter(({ code }) => code === 3)).toHaveLength(3)
    const winner = 1 + ends.findIndex(({ code }) => code === 0)
    await intactManifest(registry, 'm/7')
    const server = await startServer(registry.url, { env: registry.env })
    expect((await predict(server.url, dark)).body.class_index).toBe(winner)
  })

  test('for one version with the same files: one wins, and the others harm it not', async () => {
    const registry = await make()
    const dir = heavyModel('class-1', 2)
    const args = [...MODEL, '--version', '7']
    const ends = await Promise.all([1, 2, 3, 4].map(() => on(registry, 'publish', dir, ...args)))
    expect(ends.filter(({ code }) => code === 3)).toHaveLength(3)
    await intactManifest(registry, 'm/7')
  })

  test('for the next number: each gets one of its own', async () => {
    const registry = await make()
    const models = [1, 2, 3, 4, 5].map((n) => heavyModel(`class-${n}`, 1))
    const ends = await Promise.all(models.map((dir) => on(registry, 'publish', dir, ...MODEL)))
    expect(ends.map(({ code, stderr }) => `${code}${stderr}`)).toEqual(models.map(() => '0'))
    const versions = ends.map(({ stdout }) => (JSON.parse(stdout) as { version: number }).version)
    expect(new Set(versions)).toEqual(new Set([1, 2, 3, 4, 5]))
    for (const version of versions) await intactManifest(registry, `m/${version}`)
  })
})

test('a publisher that is overtaken changes nothing of what was committed', async () => {
  const registry = await bucketRegistry()
  const { s3 } = registry.bucket
  const at = ['--version', '7', '--registry', registry.url]
  // It sees that there are no weights, and is told so only after the other has committed.
  s3.inject({ operation: 'get', key: /weights/, times: 1, effect: { kind: 'delay', ms: 4_000 } })
  const slow = start(['publish', heavyModel('class-1', 20), ...MODEL, ...at], registry.env)
  await waitFor(() => s3.requests.count('GetObject', /weights/) === 1, 'the slow one to look')
  const fast = await on(registry, 'publish', heavyModel('class-2', 20), ...MODEL, ...at.slice(0, 2))
  expect(fast).toMatchObject({ code: 0 })
  const committed = await intactManifest(registry, 'm/7')
  expect(await slow.ended).toMatchObject({ code: 3 })
  expect(await intactManifest(registry, 'm/7')).toEqual(committed)
  const server = await startServer(registry.url, { env: registry.env })
  expect((await predict(server.url, dark)).body.class_index).toBe(2)
})

test('a publisher that is told to stop stops, and says so', async () => {
  const registry = await bucketRegistry()
  const { s3 } = registry.bucket
  s3.inject({ operation: 'put', effect: { kind: 'hang' } })
  const args = ['--registry', registry.url, ...MODEL]
  const uploading = start(['publish', heavyModel('class-1', 20), ...args], registry.env)
  await waitFor(() => s3.requests.count() > 2, 'the upload to hang')
  uploading.process.kill('SIGTERM')
  expect(await uploading.ended).toMatchObject({ code: 1, stderr: 'cutover: interrupted\n' })
  const verifying = start(
    ['publish', fixture('models/hang-at-once.onnx'), '--model', 'm', '--registry', registry.url],
    registry.env,
  )
  const engines = await waitFor(() => {
    const pids = childrenOf(verifying.process.pid ?? -1)
    return pids.length > 0 && pids
  }, 'the engine to start')
  verifying.process.kill('SIGINT')
  expect(await verifying.ended).toMatchObject({ code: 1 })
  for (const pid of engines) expect(existsSync(`/proc/${pid}`)).toBe(false)
})

describe('a publisher that is killed', () => {
  test('leaves nothing in a folder that a server would see, and is gone on with', async () => {
    const registry = folderRegistry()
    const dir = heavyModel('class-1', 60)
    for (const afterMs of [250, 350, 450, 550, 650]) {
      const args = ['publish', dir, ...MODEL, '--version', '1', '--registry', registry.url]
      const { process, ended } = start(args)
      await sleep(afterMs)
      process.kill('SIGKILL')
      await ended
      if (registry.files().length > 0) break
    }
    const seen = registry.files()
    // A kill may come too late; then all of it is there.
    if (seen.length > 0) await intactManifest(registry, 'm/1')
    else {
      expect(await on(registry, 'publish', dir, ...MODEL, '--version', '1')).toMatchObject({
        code: 0,
      })
      await intactManifest(registry, 'm/1')
    }
    expect(readdirSync(path.join(registry.url, 'm'))).toEqual(['1'])
  })

  const MOMENTS: [when: string, fault: Fault][] = [
    ['before anything', { operation: 'get', effect: { kind: 'hang' } }],
    ['in the first file', { operation: 'PutObject', effect: { kind: 'hang' } }],
    ['between parts', { operation: 'UploadPart', after: 1, effect: { kind: 'hang' } }],
    ['after the parts', { operation: 'CompleteMultipartUpload', effect: { kind: 'hang' } }],
    ['before the manifest', { operation: 'put', key: /manifest/, effect: { kind: 'hang' } }],
  ]
  test.concurrent.each(MOMENTS)(
    '%s: a bucket shows no version until it is run again',
    async (_when, fault) => {
      const registry = await bucketRegistry()
      const { s3 } = registry.bucket
      const dir = heavyModel('class-1', 40)
      s3.inject(fault)
      const args = ['publish', dir, ...MODEL, '--registry', registry.url]
      const { process, ended } = start(args, registry.env)
      const hit = () => s3.requests.all().some(({ faults }) => faults.includes('hang'))
      await waitFor(hit, 'the moment')
      process.kill('SIGKILL')
      await ended
      expect(registry.files()).not.toContain('m/1/manifest.json')
      const before = registry.files()
      s3.clearFaults()
      s3.requests.reset()
      const again = await on(registry, 'publish', dir, ...MODEL)
      expect(JSON.parse(again.stdout)).toMatchObject({ version: 1 })
      const { files } = await intactManifest(registry, 'm/1')
      expect(files.map(({ path }) => path)).toEqual(['model.onnx', 'weights.bin'])
      for (const file of before) {
        expect(
          s3.requests.all().filter(({ method, key }) => method !== 'GET' && key.endsWith(file)),
        ).toEqual([])
      }
    },
  )
})

describe.concurrent('a bucket that fails while a version is published', () => {
  const PASSING: [what: string, fault: Fault][] = [
    ['500', { operation: 'put', times: 2, effect: { kind: 'error', code: 'InternalError' } }],
    ['503', { operation: 'put', times: 5, effect: { kind: 'error', code: 'SlowDown' } }],
    ['resets', { operation: 'put', times: 4, effect: { kind: 'reset' } }],
    ['resets of parts', { operation: 'UploadPart', times: 3, effect: { kind: 'reset' } }],
    ['lost answers', { operation: 'put', times: 3, effect: { kind: 'lose-answer' } }],
    [
      'a lost answer to the manifest',
      { operation: 'put', key: /manifest/, times: 1, effect: { kind: 'lose-answer' } },
    ],
    [
      'lost answers to the manifest',
      { operation: 'put', key: /manifest/, times: 3, effect: { kind: 'lose-answer' } },
    ],
    [
      'a lost completion',
      { operation: 'CompleteMultipartUpload', times: 1, effect: { kind: 'lose-answer' } },
    ],
    [
      'a broken read-back',
      { operation: 'GetObject', times: 3, effect: { kind: 'reset-mid-body' } },
    ],
  ]
  test.each(PASSING)('%s: it is published all the same, once', async (_what, fault) => {
    const registry = await bucketRegistry()
    registry.bucket.s3.inject(fault)
    const ended = await on(registry, 'publish', heavyModel('class-1', 20), ...MODEL)
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    await intactManifest(registry, 'm/1')
    expect(registry.files().filter((file) => file.endsWith('manifest.json'))).toHaveLength(1)
  })

  test('for good: it fails in one line, and nothing is visible', async () => {
    const registry = await bucketRegistry()
    registry.bucket.s3.inject({
      operation: 'put',
      key: /weights/,
      effect: { kind: 'error', code: 'InternalError' },
    })
    const ended = await on(registry, 'publish', heavyModel('class-1', 1), ...MODEL)
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/^cutover: uploading m\/1\/weights.bin: .*500.*\n$/)
    expect(registry.files()).not.toContain('m/1/manifest.json')
  })

  test("another's bytes under the same names: the files move aside, together", async () => {
    const registry = await bucketRegistry()
    registry.bucket.s3.objects.put(registry.bucket.key('m/1/weights.bin'), 'something else')
    const dir = heavyModel('class-2', 1)
    writeFileSync(path.join(dir, 'labels.json'), '["a","b","c","d","e","f"]')
    expect(await on(registry, 'publish', dir, ...MODEL)).toMatchObject({ code: 0 })
    const { files, labels } = await intactManifest(registry, 'm/1')
    const below = labels?.split('/')[0] ?? ''
    expect(below).toMatch(/^[0-9a-f]{16}$/)
    expect(files.every(({ path }) => path.startsWith(`${below}/`))).toBe(true)
    const server = await startServer(registry.url, { env: registry.env })
    expect((await predict(server.url, dark)).body.class_index).toBe(2)
    const { body } = await predict(server.url, dark, '/predict?top_k=1')
    expect(body.predictions?.[0]).toMatchObject({ class_index: 2, label: 'c' })
  })
})

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { describe, expect, test } from 'vitest'

import { CutoverError } from '../../../src/domain/errors.ts'
import { ControlBucket } from '../../../src/registry/control/control-bucket.ts'
import { ControlFolder } from '../../../src/registry/control/control-folder.ts'
import type { DocumentStore } from '../../../src/registry/control/document-store.ts'
import { FallbackStore } from '../../../src/registry/control/fallback-store.ts'
import { MemoryStore } from '../../../src/registry/control/memory-store.ts'
import { S3Bucket } from '../../../src/registry/s3/bucket.ts'
import { createS3Client } from '../../../src/registry/s3/client.ts'
import { parseS3Url } from '../../../src/registry/s3/location.ts'
import { temporaryDirectory } from '../../support/registry.ts'
import type { FakeS3 } from '../../support/s3/fake-s3.ts'
import { startFakeS3 } from '../../support/s3/start.ts'

const WRITER = fileURLToPath(new URL('./writer.mts', import.meta.url))
const signal = new AbortController().signal
/** No answer is late here. */
const TIMEOUT_MS = 60_000

function bucketOf(s3: FakeS3): S3Bucket {
  const options = {
    pathStyle: 'always',
    connectTimeoutMs: TIMEOUT_MS,
    stallTimeoutMs: TIMEOUT_MS,
  } as const
  const location = parseS3Url(`s3://${s3.bucket}/prod`)
  return new S3Bucket(createS3Client(options, { ...process.env, ...s3.env }), {
    location,
    requestTimeoutMs: TIMEOUT_MS,
  })
}

async function withEnvironment<T>(s3: FakeS3, make: () => T): Promise<T> {
  Object.assign(process.env, s3.env)
  return make()
}

const STORES: [string, () => Promise<DocumentStore>][] = [
  ['memory', () => Promise.resolve(new MemoryStore())],
  [
    'a folder',
    () => {
      const dir = temporaryDirectory()
      return Promise.resolve(new ControlFolder((model) => path.join(dir, model)))
    },
  ],
  [
    'a bucket',
    async () => {
      const s3 = await startFakeS3()
      return withEnvironment(s3, () => new ControlBucket(bucketOf(s3)))
    },
  ],
]

describe.each(STORES)('a document in %s', (_name, make) => {
  test('is absent, then what was written, and replaced by who knows its state', async () => {
    const store = await make()
    expect(await store.read('m', signal)).toBe(undefined)
    const first = await store.write('m', 'one', undefined, signal)
    expect(await store.read('m', signal)).toEqual({ text: 'one', tag: first })
    expect(await store.write('m', 'other', undefined, signal)).toBe(undefined)
    const second = await store.write('m', 'two', first, signal)
    expect(await store.write('m', 'late', first, signal)).toBe(undefined)
    expect(await store.read('m', signal)).toEqual({ text: 'two', tag: second })
    expect(await store.read('n', signal)).toBe(undefined)
  })

  test('has one winner among many writers, and loses no write', async () => {
    const store = await make()
    const writer = async (name: string, times: number) => {
      for (let written = 0; written < times;) {
        const before = await store.read('m', signal)
        const text = `${before?.text ?? ''}${name}`
        if ((await store.write('m', text, before?.tag, signal)) !== undefined) written++
      }
    }
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    await Promise.all(names.map((name) => writer(name, 10)))
    const text = (await store.read('m', signal))?.text ?? ''
    for (const name of names) expect(text.split(name)).toHaveLength(11)
  })
})

describe('in a folder', () => {
  test('a writer that is killed leaves the old document or the new one, and blocks nobody', async () => {
    const dir = temporaryDirectory()
    const store = new ControlFolder((model) => path.join(dir, model))
    let seen = 0
    for (let kills = 0; kills < 12; kills++) {
      const child = spawn(process.execPath, ['--import', 'tsx', WRITER, dir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      await sleep(Math.random() * 30)
      await killed(child)
      const found = await store.read('m')
      const number = Number(/^document (\d+) x{50000}$/.exec(found?.text ?? '')?.[1])
      expect(number).toBeGreaterThanOrEqual(seen)
      seen = number
      expect(
        await store.write('m', `document ${number} ${'x'.repeat(50_000)}`, found?.tag),
      ).toEqual(expect.any(String))
    }
    expect(seen).toBeGreaterThan(12)
    const left = readdirSync(path.join(dir, 'm', 'control')).filter((name) => !name.startsWith('.'))
    expect(left.length).toBeLessThanOrEqual(3)
  })

  test('a number that is long past is not taken for a free one', async () => {
    const dir = temporaryDirectory()
    const store = new ControlFolder(() => dir)
    let tag: string | undefined
    const tags: (string | undefined)[] = []
    for (let n = 0; n < 6; n++) tags.push((tag = await store.write('m', `${n}`, tag)))
    expect(await store.write('m', 'late', tags[0])).toBe(undefined)
    expect((await store.read('m'))?.text).toBe('5')
  })

  test('what is not a document is not taken for one', async () => {
    const dir = temporaryDirectory()
    mkdirSync(path.join(dir, 'control'))
    for (const name of ['state.json', 'state.x.json', 'notes.txt', '.tmp']) {
      writeFileSync(path.join(dir, 'control', name), 'x')
    }
    expect(await new ControlFolder(() => dir).read('m')).toBe(undefined)
  })
})

describe('in a bucket', () => {
  test('a write whose answer was lost is known to have been made', async () => {
    const s3 = await startFakeS3()
    const store = await withEnvironment(s3, () => new ControlBucket(bucketOf(s3)))
    const first = await store.write('m', 'one', undefined, signal)
    s3.inject({ operation: 'PutObject', times: 1, effect: { kind: 'lose-answer' } })
    const second = await store.write('m', 'two', first, signal)
    expect(await store.read('m', signal)).toEqual({ text: 'two', tag: second })
  })

  test('while it is away, nothing is known and nothing is written', async () => {
    const s3 = await startFakeS3()
    const store = await withEnvironment(s3, () => new ControlBucket(bucketOf(s3)))
    s3.inject({ operation: 'any', effect: { kind: 'error', code: 'InternalError' } })
    await expect(store.read('m', signal)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' })
    await expect(store.write('m', 'x', undefined, signal)).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
    })
    s3.clearFaults()
    expect(await store.read('m', signal)).toBe(undefined)
  })
})

describe.each([
  ['a folder', folderToRefuse],
  ['a bucket', bucketToRefuse],
])('where %s may not be written to', (_name, make) => {
  test('what is decided is remembered, and that is told once', async () => {
    const { store, refuse, reasons } = await make()
    const before = await store.write('m', 'kept', undefined, signal)
    refuse(true)
    const tag = await store.write('m', 'remembered', before, signal)
    expect(await store.read('m', signal)).toEqual({ text: 'remembered', tag })
    expect(await store.write('m', 'late', before, signal)).toBe(undefined)
    expect(await store.write('m', 'next', tag, signal)).toEqual(expect.any(String))
    expect(await store.write('n', 'one', undefined, signal)).toEqual(expect.any(String))
    expect(await store.write('n', 'other', undefined, signal)).toBe(undefined)
    expect((await store.read('n', signal))?.text).toBe('one')
    expect(reasons).toEqual([expect.stringMatching(/denied/)])
  })

  test('for a while, the store gets the next decision, and nothing is remembered then', async () => {
    const { store, real, refuse, reasons } = await make({ retryAfterMs: 0 })
    const before = await store.write('m', 'kept', undefined, signal)
    refuse(true)
    const first = await store.write('m', 'remembered', before, signal)
    const second = await store.write('m', 'next', first, signal)
    expect((await real.read('m', signal))?.text).toBe('kept')
    refuse(false)
    expect(await store.write('m', 'late', first, signal)).toBe(undefined)
    const tag = await store.write('m', 'stored', second, signal)
    expect(await real.read('m', signal)).toEqual({ text: 'stored', tag })
    expect(await store.read('m', signal)).toEqual({ text: 'stored', tag })
    for (const past of [before, first, second]) {
      expect(await store.write('m', 'late', past, signal)).toBe(undefined)
    }
    expect(await real.read('m', signal)).toEqual({ text: 'stored', tag })
    refuse(true)
    expect(await store.write('m', 'again', tag, signal)).toEqual(expect.any(String))
    expect(reasons).toHaveLength(2)
  })

  test('it is not tried again at once', async () => {
    const { store, real, refuse } = await make({ retryAfterMs: 60_000 })
    refuse(true)
    const tag = await store.write('m', 'remembered', undefined, signal)
    refuse(false)
    expect(await store.write('m', 'next', tag, signal)).toEqual(expect.any(String))
    expect(await real.read('m', signal)).toBe(undefined)
  })

  test.each([0, 60_000])(
    'what others write goes before what is remembered, tried again after %d ms',
    async (retryAfterMs) => {
      const { store, real, refuse } = await make({ retryAfterMs })
      const before = await store.write('m', 'kept', undefined, signal)
      refuse(true)
      const remembered = await store.write('m', 'remembered', before, signal)
      refuse(false)
      const theirs = await real.write('m', 'theirs', before, signal)
      expect(await store.read('m', signal)).toEqual({ text: 'theirs', tag: theirs })
      refuse(true)
      expect(await store.write('m', 'late', remembered, signal)).toBe(undefined)
      const tag = await store.write('m', 'upon theirs', theirs, signal)
      expect(await store.read('m', signal)).toEqual({ text: 'upon theirs', tag })
      expect(await store.write('m', 'late', theirs, signal)).toBe(undefined)
      expect(await store.write('m', 'late', remembered, signal)).toBe(undefined)
    },
  )

  test('nothing is remembered upon a state that others have replaced', async () => {
    const { store, real, refuse, reasons } = await make()
    const before = await store.write('m', 'kept', undefined, signal)
    const theirs = await real.write('m', 'theirs', before, signal)
    refuse(true)
    expect(await store.write('m', 'late', before, signal)).toBe(undefined)
    expect(await store.read('m', signal)).toEqual({ text: 'theirs', tag: theirs })
    expect(reasons).toEqual([])
  })

  test.each([0, 60_000])(
    'of many writers one wins, and no write is lost, tried again after %d ms',
    async (retryAfterMs) => {
      const { store, refuse } = await make({ retryAfterMs })
      await store.write('m', 'x', undefined, signal)
      const writer = async (name: string) => {
        for (let written = 0; written < 6;) {
          refuse(written % 3 === 1)
          const before = await store.read('m', signal)
          const text = `${before?.text ?? ''}${name}`
          if ((await store.write('m', text, before?.tag, signal)) !== undefined) written++
        }
      }
      const names = ['a', 'b', 'c']
      await Promise.all(names.map((name) => writer(name)))
      const text = (await store.read('m', signal))?.text ?? ''
      for (const name of names) expect(text.split(name)).toHaveLength(7)
    },
  )
})

test.each(['EROFS', 'EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK', 'ENOSPC', 'EDQUOT'])(
  'a folder that answers %s takes no document, and what is decided is remembered',
  async (code) => {
    const { store, refuse } = await folderToRefuse()
    refuse(true, code)
    const tag = await store.write('m', 'remembered', undefined, signal)
    expect(await store.read('m', signal)).toEqual({ text: 'remembered', tag })
  },
)

test('a folder that fails otherwise is not one for reading only', async () => {
  const { store, refuse, reasons } = await folderToRefuse()
  refuse(true, 'EIO')
  await expect(store.write('m', 'x', undefined, signal)).rejects.toThrow('EIO')
  expect(reasons).toEqual([])
})

test('a registry that can be neither written to nor read is not one for reading only', async () => {
  const { store, s3, reasons } = await bucketToRefuse()
  const before = await store.write('m', 'kept', undefined, signal)
  s3.inject({ operation: 'any', effect: { kind: 'error', code: 'AccessDenied' } })
  await expect(store.write('m', 'x', before, signal)).rejects.toMatchObject({
    code: 'REGISTRY_UNAVAILABLE',
  })
  s3.clearFaults()
  expect(await store.read('m', signal)).toEqual({ text: 'kept', tag: before })
  expect(reasons).toEqual([])
})

type FallbackOptions = ConstructorParameters<typeof FallbackStore>[2]

async function bucketToRefuse(options?: FallbackOptions) {
  const s3 = await startFakeS3()
  const real = await withEnvironment(s3, () => new ControlBucket(bucketOf(s3)))
  const reasons: string[] = []
  const store = new FallbackStore(real, (reason) => reasons.push(reason), options)
  const refuse = (isRefusing: boolean) => {
    s3.clearFaults()
    if (isRefusing) s3.inject({ operation: 'put', effect: { kind: 'error', code: 'AccessDenied' } })
  }
  return { store, real, reasons, refuse, s3 }
}

/** Who runs the tests may be root, whom the mode of a directory does not stop. */
function folderToRefuse(options?: FallbackOptions) {
  const dir = temporaryDirectory()
  const real: DocumentStore = new ControlFolder((model) => path.join(dir, model))
  let refusal: string | undefined
  const refusing: DocumentStore = {
    read: (model) => real.read(model, signal),
    write: async (model, text, before) => {
      if (refusal === undefined) return real.write(model, text, before, signal)
      const cause = Object.assign(new Error(`${refusal}: denied`), { code: refusal })
      throw new CutoverError('REGISTRY_UNAVAILABLE', cause.message, { cause })
    },
  }
  const reasons: string[] = []
  const store = new FallbackStore(refusing, (reason) => reasons.push(reason), options)
  const refuse = (isRefusing: boolean, code = 'EACCES') => {
    refusal = isRefusing ? code : undefined
  }
  return Promise.resolve({ store, real, reasons, refuse })
}

async function killed(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { beforeEach, describe, expect, test } from 'vitest'

import { DEFAULT_POLICY } from '../../src/domain/rollout-policy.ts'
import { openCacheDir } from '../../src/registry/cache-dir.ts'
import { FolderSource } from '../../src/registry/folder-source.ts'
import type { Found } from '../../src/registry/layout.ts'
import { registryLayout } from '../../src/registry/registry-layout.ts'
import type { Aspired } from '../../src/registry/source.ts'
import { temporaryDirectory } from '../support/registry.ts'
import { namesOf, RegistryWatch } from '../support/registry-watch.ts'
import { waitFor } from '../support/server.ts'

const SETTLE_MS = 150
const signal = new AbortController().signal

let dir: string
beforeEach(() => {
  dir = path.join(temporaryDirectory(), 'models')
  mkdirSync(dir)
})

function write(file: string, content = 'weights'): string {
  const full = path.join(dir, file)
  mkdirSync(path.dirname(full), { recursive: true })
  writeFileSync(full, content)
  return full
}

function manifestFor(content: string, more: object = {}): string {
  const sha256 = createHash('sha256').update(content).digest('hex')
  return JSON.stringify({
    files: [{ path: 'model.onnx', bytes: content.length, sha256 }],
    ...more,
  })
}

function readText(file: string): string {
  return readFileSync(file, 'utf8')
}

describe('what lies there at the start', () => {
  test('is stated before start resolves: models, and their versions in ascending order', async () => {
    for (const version of [10, 9, 1]) write(`m/${version}/model.onnx`)
    write('other/2/manifest.json', manifestFor('weights'))
    write('other/2/model.onnx')
    await sleep(SETTLE_MS * 1.2)
    const watch = await RegistryWatch.open(dir)
    expect(watch.stated).toHaveLength(1)
    expect(watch.names).toEqual(['m/1', 'm/9', 'm/10', 'other/2'])
    expect(watch.aspired.pending).toEqual([])
    expect(watch.problems).toEqual([])
  })

  test('may be nothing, and then come', async () => {
    const watch = await RegistryWatch.open(dir)
    expect(watch.names).toEqual([])
    write('m/1/model.onnx')
    await watch.until('m/1')
  })

  test('is told from what only looks like it', async () => {
    write('m/3/model.onnx')
    write('m/007/model.onnx')
    write('m/v4/model.onnx')
    write('m/0/model.onnx')
    write('m/abc/model.onnx')
    write('m/control/state.json')
    write('m/model.json', '{"rollout": {}}')
    write('m/.5/model.onnx')
    write('m/6.tmp/model.onnx')
    write('m/8', 'a file')
    write('a model/1/model.onnx')
    write('.hidden/1/model.onnx')
    write('flat/model.onnx')
    write('README.md')
    symlinkSync('3', path.join(dir, 'm', '9'))
    symlinkSync('3', path.join(dir, 'm', 'latest'))
    symlinkSync('m', path.join(dir, 'linked'))
    await sleep(SETTLE_MS * 1.2)
    const watch = await RegistryWatch.open(dir)
    expect(watch.names).toEqual(['m/3'])
    expect(watch.aspired.pending).toEqual([])
    const problems = watch.problems.map((problem) => [
      path.relative(dir, problem.path),
      problem.reason.split(':')[0],
    ])
    expect(problems).toEqual([
      ['a model', 'is not the name of a model'],
      ['flat/model.onnx', 'is in no version'],
      ['linked', 'is a link, which is not followed'],
      ['m/0', 'is not a version'],
      ['m/007', 'is not a version'],
      ['m/9', 'is a link, which is not followed'],
      ['m/v4', 'is not a version'],
    ])
    expect(watch.aspired.problems).toEqual(watch.problems)
  })

  test('is refused when it is not there', async () => {
    await expect(RegistryWatch.open(path.join(dir, 'absent'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('there is no'),
    })
  })
})

describe('a version appears', () => {
  test('when a complete one is moved in', async () => {
    const watch = await RegistryWatch.open(dir)
    write('../aside/model.onnx')
    mkdirSync(path.join(dir, 'm'))
    renameSync(path.join(dir, '../aside'), path.join(dir, 'm/1'))
    await watch.until('m/1')
    expect(await watch.contentOf('m/1', readText)).toBe('weights')
  })

  test('when a whole model is moved in, or copied in with cp -r', async () => {
    const watch = await RegistryWatch.open(dir)
    write('../aside/1/model.onnx', 'one')
    write('../aside/2/model.onnx', 'two')
    write('../aside/2/manifest.json', manifestFor('two'))
    execFileSync('cp', ['-r', path.join(dir, '../aside'), path.join(dir, 'copied')])
    await watch.until('copied/1', 'copied/2')
    renameSync(path.join(dir, '../aside'), path.join(dir, 'moved'))
    await watch.until('copied/1', 'copied/2', 'moved/1', 'moved/2')
    expect(await watch.contentOf('copied/2', readText)).toBe('two')
  })

  test('without a manifest only after its files have been still', async () => {
    const watch = await RegistryWatch.open(dir, { settleMs: 600 })
    const file = write('m/1/model.onnx', '')
    for (let part = 0; part < 8; part++) {
      appendFileSync(file, `part ${part},`)
      await sleep(100)
    }
    await watch.until('m/1')
    expect(watch.stated.some(({ pending }) => pending[0]?.reason.includes('still'))).toBe(true)
    expect(await watch.contentOf('m/1', readText)).toMatch(/^part 0,.*part 7,$/)
    expect(watch.stated.filter((aspired) => namesOf(aspired).length > 0)).toHaveLength(1)
  })

  test('with its manifest first only when every file has its size, saying how far it is', async () => {
    const watch = await RegistryWatch.open(dir, { settleMs: 600 })
    const content = 'w'.repeat(4000)
    write('m/1/manifest.json', manifestFor(content))
    const file = write('m/1/model.onnx', '')
    for (const [at, progress] of [
      [1000, '1.0 kB of 4.0 kB'],
      [2000, '2.0 kB of 4.0 kB'],
      [3999, '4.0 kB of 4.0 kB'],
    ] as const) {
      writeFileSync(file, content.slice(0, at))
      const reason = `waiting for model.onnx (${progress})`
      await waitFor(() => watch.aspired.pending[0]?.reason === reason, reason)
      expect(watch.names).toEqual([])
    }
    writeFileSync(file, content)
    await watch.until('m/1')
    expect(await watch.contentOf('m/1', readText)).toBe(content)
  })

  test('with its manifest last at once', async () => {
    const watch = await RegistryWatch.open(dir, { settleMs: 60_000 })
    write('m/1/model.onnx')
    await waitFor(() => watch.aspired.pending.length === 1, 'the version to be pending')
    write('m/1/.manifest.json.tmp', manifestFor('weights'))
    renameSync(path.join(dir, 'm/1/.manifest.json.tmp'), path.join(dir, 'm/1/manifest.json'))
    await watch.until('m/1')
  })

  test('that stays incomplete, in the end, so that it fails with a reason', async () => {
    const watch = await RegistryWatch.open(dir)
    write('m/1/manifest.json', manifestFor('weights'))
    write('m/2/manifest.json', manifestFor('weights'))
    write('m/2/model.onnx', 'wei')
    write('m/3/readme.txt')
    write('m/4/manifest.json', '{"files": ')
    write('m/4/model.onnx')
    await watch.until('m/1', 'm/2', 'm/3', 'm/4')
    const failure = (name: string) => expect(watch.version(name).materialize(signal)).rejects
    await failure('m/1').toMatchObject({
      code: 'VERSION_INCOMPLETE',
      message: 'model.onnx is missing',
    })
    await failure('m/2').toMatchObject({
      code: 'VERSION_INCOMPLETE',
      message: 'model.onnx has 3 bytes, but manifest.json says 7',
    })
    await failure('m/3').toMatchObject({ code: 'FORMAT_UNSUPPORTED' })
    await failure('m/4').toMatchObject({ code: 'MANIFEST_INVALID' })
    // Repaired, each is another version.
    const before = watch.version('m/2').fingerprint
    write('m/2/model.onnx')
    await waitFor(() => watch.version('m/2').fingerprint !== before, 'the repaired version')
    expect(await watch.contentOf('m/2', readText)).toBe('weights')
  })
})

describe('a version that is stated', () => {
  test('goes when it is deleted, and all go when all are', async () => {
    for (const version of [1, 2]) write(`m/${version}/model.onnx`)
    const watch = await RegistryWatch.open(dir)
    await watch.until('m/1', 'm/2')
    rmSync(path.join(dir, 'm/2'), { recursive: true })
    await watch.until('m/1')
    rmSync(path.join(dir, 'm'), { recursive: true })
    await watch.until()
    write('m/1/model.onnx')
    await watch.until('m/1')
  })

  test('is stated anew when it is replaced in place, and as it was until that is done', async () => {
    const file = write('m/1/model.onnx', 'one')
    write('m/2/model.onnx')
    const watch = await RegistryWatch.open(dir, { settleMs: 600 })
    await watch.until('m/1', 'm/2')
    const old = watch.version('m/1')
    const from = watch.stated.length
    writeFileSync(file, '')
    for (let part = 0; part < 6; part++) {
      appendFileSync(file, 'x')
      await sleep(100)
    }
    await waitFor(() => watch.version('m/1').fingerprint !== old.fingerprint, 'the new one')
    for (const aspired of watch.stated.slice(from)) expect(namesOf(aspired)).toEqual(['m/1', 'm/2'])
    expect(await watch.contentOf('m/1', readText)).toBe('xxxxxx')
    // What was stated before is not there any more, and is not mistaken for what is.
    await expect(old.materialize(signal)).rejects.toMatchObject({ code: 'VERSION_INCOMPLETE' })
    expect(readdirSync(path.join(watch.cacheDir, readdirSync(watch.cacheDir)[0] ?? ''))).toEqual([])
  })

  test('is stated anew when only its manifest changes, but not for a file it does not list', async () => {
    write('m/1/model.onnx')
    write('m/1/manifest.json', manifestFor('weights'))
    const watch = await RegistryWatch.open(dir)
    const { fingerprint } = watch.version('m/1')
    write('m/1/notes.txt')
    write('m/control/state.json')
    write('m/2/model.onnx')
    await watch.until('m/1', 'm/2')
    expect(watch.version('m/1').fingerprint).toBe(fingerprint)
    write('m/1/manifest.json', manifestFor('weights', { annotations: { git: 'abc' } }))
    await waitFor(() => watch.version('m/1').fingerprint !== fingerprint, 'the new manifest')
  })

  test('is refused when its manifest is of another one', async () => {
    write('m/1/model.onnx')
    write('m/1/manifest.json', manifestFor('weights', { model: 'm', version: 2 }))
    const watch = await RegistryWatch.open(dir)
    await expect(watch.version('m/1').materialize(signal)).rejects.toMatchObject({
      code: 'MANIFEST_INVALID',
      message: 'manifest.json is of m version 2, but lies in m/1',
    })
  })

  test('is refused when its bytes are not those of its manifest', async () => {
    write('m/1/model.onnx', 'corrupt')
    write('m/1/manifest.json', manifestFor('weights'))
    const watch = await RegistryWatch.open(dir)
    await expect(watch.version('m/1').materialize(signal)).rejects.toMatchObject({
      code: 'VERSION_CORRUPT',
    })
  })

  test('leaves temporary and hidden files out of its copy', async () => {
    for (const name of ['model.onnx', '.DS_Store', 'model.onnx~', 'x.tmp', '.git/config', 'a/b']) {
      write(`m/1/${name}`)
    }
    const watch = await RegistryWatch.open(dir)
    await watch.until('m/1')
    const local = await watch.version('m/1').materialize(signal)
    expect(readdirSync(local.dir).sort()).toEqual(['a', 'model.onnx'])
    await local.release()
  })
})

describe('a policy', () => {
  test('that becomes a link is a problem, and the one before stays in force', async () => {
    write('m/1/model.onnx')
    const file = write('m/model.json', '{"pin": 1}')
    const watch = await RegistryWatch.open(dir)
    await watch.until('m/1')
    renameSync(file, path.join(dir, 'pin.json'))
    symlinkSync('../pin.json', file)
    await waitFor(() => watch.aspired.problems.length > 0, 'the problem')
    expect(watch.aspired.problems).toEqual([
      { path: file, reason: 'is a link, which is not followed: copy the file' },
    ])
    expect(watch.aspired.policies.get('m')?.pin).toBe(1)
  })

  test('stays in force while the directory of its model cannot be read', async () => {
    write('m/1/model.onnx')
    write('m/model.json', '{"pin": 1}')
    const lying = registryLayout(dir)
    let isReadable = true
    const find = async (): Promise<Found> =>
      isReadable ? lying.find() : { places: [], problems: [], policies: [], unreadable: ['m'] }
    const stated: Aspired[] = []
    const source = new FolderSource({
      layout: { ...lying, find },
      cache: await openCacheDir(temporaryDirectory()),
      bytesMax: 1e9,
      settleMs: 0,
      polling: true,
      policy: DEFAULT_POLICY,
      onProblem: () => {},
    })
    await source.start((aspired) => stated.push(aspired))
    isReadable = false
    await source.look()
    expect(stated.map(namesOf)).toEqual([['m/1']])
    expect(stated.map(({ policies }) => policies.get('m')?.pin)).toEqual([1])
    await source.close()
  })
})

describe('the folder', () => {
  test('that goes away takes nothing with it', async () => {
    write('m/1/model.onnx')
    const watch = await RegistryWatch.open(dir)
    await watch.until('m/1')
    renameSync(dir, `${dir}-elsewhere`)
    await waitFor(() => watch.problems.length > 0, 'the problem')
    expect(watch.problems[0]?.reason).toContain('its versions last seen are kept')
    expect(watch.names).toEqual(['m/1'])
    // When it is back, it is watched again.
    renameSync(`${dir}-elsewhere`, dir)
    await waitFor(() => watch.aspired.problems.length === 0, 'the problem to go')
    write('m/2/model.onnx')
    await watch.until('m/1', 'm/2')
  })

  test('that lies empty on another file system is taken for an unmounted one', async () => {
    const link = path.join(path.dirname(dir), 'link')
    symlinkSync(dir, link)
    write('m/1/model.onnx')
    const watch = await RegistryWatch.open(link, { watchPolling: true })
    await watch.until('m/1')
    rmSync(link)
    symlinkSync(existsSync('/proc/sys') ? '/proc/sys' : '/dev', link)
    await waitFor(() => watch.problems.length > 0, 'the problem')
    expect(watch.problems[0]?.reason).toContain('its versions last seen are kept')
    expect(watch.names).toEqual(['m/1'])
  })

  test('that was gone for a moment only is watched on', async () => {
    const watch = await RegistryWatch.open(dir)
    await sleep(100)
    renameSync(dir, `${dir}-elsewhere`)
    renameSync(`${dir}-elsewhere`, dir)
    await sleep(200)
    write('m/1/model.onnx')
    await watch.until('m/1')
    rmSync(dir, { recursive: true })
    write('m/2/model.onnx')
    await watch.until('m/2')
    write('m/3/model.onnx')
    await watch.until('m/2', 'm/3')
  })

  test('is looked at without watching, too', async () => {
    const watch = await RegistryWatch.open(dir, { watchPolling: true })
    write('m/1/model.onnx')
    await watch.until('m/1')
  })

  test('that only seems to change is stated once', async () => {
    write('m/1/model.onnx')
    write('m/1/manifest.json', manifestFor('weights'))
    const watch = await RegistryWatch.open(dir)
    for (let i = 0; i < 5; i++) {
      write('m/control/state.json', String(i))
      write('notes.txt', String(i))
      utimesSync(path.join(dir, 'm'), new Date(), new Date())
      await sleep(60)
    }
    expect(watch.stated).toHaveLength(1)
  })

  test('tells nothing more once it is closed', async () => {
    const watch = await RegistryWatch.open(dir)
    await watch.source.close()
    write('m/1/model.onnx')
    await sleep(SETTLE_MS * 3)
    expect(watch.stated).toHaveLength(1)
    expect(readdirSync(watch.cacheDir)).toEqual([])
  })
})

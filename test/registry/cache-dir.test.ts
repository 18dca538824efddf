import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { openCacheDir } from '../../src/registry/cache-dir.ts'
import { temporaryDirectory } from '../support/registry.ts'

let base: string
beforeEach(() => {
  base = temporaryDirectory()
})

/** A directory as a process leaves it: read-only copies and all. */
function leftBy(host: string, pid: number, start: number): string {
  const dir = path.join(base, `${host}~${pid}~${start}~abc123`)
  mkdirSync(path.join(dir, 'm-1-ff', 'deep'), { recursive: true })
  writeFileSync(path.join(dir, 'm-1-ff', 'deep', 'model.onnx'), 'weights')
  chmodSync(path.join(dir, 'm-1-ff', 'deep'), 0o500)
  chmodSync(path.join(dir, 'm-1-ff'), 0o500)
  return dir
}

function deadPid(): number {
  return spawnSync('true').pid
}

describe('the directory of a process', () => {
  test('is private, and goes with its last copy', async () => {
    const cache = await openCacheDir(path.join(base, 'made', 'by', 'it'))
    expect(statSync(cache.dir).mode & 0o777).toBe(0o700)
    const copy = await cache.commit(await cache.stage(), 'm-1')
    await cache.close()
    expect(existsSync(copy)).toBe(true)
    await cache.remove(copy)
    expect(existsSync(cache.dir)).toBe(false)
  })

  test('says when a copy cannot be removed, and goes with the next process', async () => {
    const cache = await openCacheDir(base)
    const copy = path.join(cache.dir, 'm-1-ff')
    symlinkSync(copy, copy)
    await expect(cache.remove(copy)).rejects.toThrow('ELOOP')
    await cache.discard(copy)
    await cache.close()
    expect(readdirSync(cache.dir)).toEqual(['m-1-ff'])
  })

  test('goes at once when there is no copy', async () => {
    const cache = await openCacheDir(base)
    await cache.close()
    expect(readdirSync(base)).toEqual([])
  })

  test('is swept when the process is gone', async () => {
    leftBy(os.hostname(), deadPid(), 77)
    await (await openCacheDir(base)).close()
    expect(readdirSync(base)).toEqual([])
  })

  test('is swept when another process has its number now', async () => {
    leftBy(os.hostname(), process.pid, 1)
    await (await openCacheDir(base)).close()
    expect(readdirSync(base)).toEqual([])
  })

  test('stays while the process lives, and when it is of another host', async () => {
    const ours = await openCacheDir(base)
    const theirs = leftBy('another-host', deadPid(), 77)
    writeFileSync(path.join(base, 'notes.txt'), '')
    mkdirSync(path.join(base, 'some-directory'))
    await (await openCacheDir(base)).close()
    expect(readdirSync(base).sort()).toEqual(
      [path.basename(theirs), path.basename(ours.dir), 'notes.txt', 'some-directory'].sort(),
    )
  })
})

describe('the directory of a process of another host', () => {
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3600 * 1000)
  afterEach(() => {
    vi.useRealTimers()
  })

  test('stays for a day after it was touched last, and no longer', async () => {
    const young = leftBy('host-of-today', 1, 77)
    const old = leftBy('host-of-yesterday', 1, 77)
    utimesSync(young, hoursAgo(23), hoursAgo(23))
    utimesSync(old, hoursAgo(25), hoursAgo(25))
    await (await openCacheDir(base)).close()
    expect(readdirSync(base)).toEqual([path.basename(young)])
  })

  test('is touched for as long as the process lives', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const cache = await openCacheDir(base)
    const touchedAt = () => statSync(cache.dir).mtimeMs
    utimesSync(cache.dir, hoursAgo(20), hoursAgo(20))
    vi.advanceTimersByTime(3600 * 1000)
    await vi.waitUntil(() => touchedAt() > hoursAgo(1).getTime(), { timeout: 60_000 })
    await cache.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('where it lies', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  test("is the user's cache directory unless another one is given", async () => {
    vi.stubEnv('XDG_CACHE_HOME', base)
    const cache = await openCacheDir(undefined)
    expect(path.dirname(cache.dir)).toBe(path.join(base, 'cutover'))
    await cache.close()
  })

  test('is among the temporary files where that cannot be used', async () => {
    writeFileSync(path.join(base, 'file'), '')
    vi.stubEnv('XDG_CACHE_HOME', path.join(base, 'file'))
    vi.stubEnv('TMPDIR', base)
    const cache = await openCacheDir(undefined)
    expect(path.dirname(cache.dir)).toBe(path.join(base, `cutover-${process.getuid?.() ?? 0}`))
    await cache.close()
  })

  test('is never a directory that others may write to', async () => {
    writeFileSync(path.join(base, 'file'), '')
    vi.stubEnv('XDG_CACHE_HOME', path.join(base, 'file'))
    vi.stubEnv('TMPDIR', base)
    const planted = path.join(base, `cutover-${process.getuid?.() ?? 0}`)
    mkdirSync(planted)
    chmodSync(planted, 0o777)
    await expect(openCacheDir(undefined)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('others'),
    })
  })

  test.each([
    ['no directory', () => path.join(base, 'file', 'cache')],
    ['where none can be made', () => '/proc/cache/of/models'],
  ])('is refused with what to do when it is %s', async (_, dir) => {
    writeFileSync(path.join(base, 'file'), '')
    await expect(openCacheDir(dir())).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('--cache-dir'),
    })
  })
})

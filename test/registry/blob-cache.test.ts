import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { beforeEach, describe, expect, test } from 'vitest'

import { BlobCache } from '../../src/registry/blob-cache.ts'
import { temporaryDirectory } from '../support/registry.ts'

let base: string
beforeEach(() => {
  base = temporaryDirectory()
})

function cacheOf(bytesMax = 100, freeBytesMin = 0): BlobCache {
  return new BlobCache({ dir: path.join(base, 'blobs'), bytesMax, freeBytesMin })
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** A blob of ten bytes which was last used so many seconds ago. */
async function keep(cache: BlobCache, text: string, secondsAgo: number): Promise<string> {
  const file = path.join(base, text)
  writeFileSync(file, text.padEnd(10))
  await cache.keep(sha256(text), file)
  const at = Date.now() / 1000 - secondsAgo
  utimesSync(file, at, at)
  return file
}

function blobs(): string[] {
  return readdirSync(path.join(base, 'blobs')).sort()
}

describe('a cache of blobs', () => {
  test('lends what it keeps, which outlives the file it was made of', async () => {
    const cache = cacheOf()
    rmSync(await keep(cache, 'one', 0))
    const to = path.join(base, 'copy')
    expect(await cache.borrow(sha256('one'), to)).toBe(true)
    expect(readFileSync(to, 'utf8')).toBe('one       ')
    expect(await cache.has(sha256('one'))).toBe(true)
    expect(await cache.borrow(sha256('two'), path.join(base, 'other'))).toBe(false)
    expect(await cache.has(sha256('two'))).toBe(false)
  })

  test('makes room with what is not in use, the longest unused first', async () => {
    const cache = cacheOf(35)
    const used = await keep(cache, 'used', 30)
    rmSync(await keep(cache, 'old', 20))
    rmSync(await keep(cache, 'new', 10))
    await cache.makeRoom(5)
    expect(blobs()).toHaveLength(3)
    await cache.makeRoom(10)
    expect(blobs()).toEqual([sha256('new'), sha256('used')].sort())
    expect(existsSync(used)).toBe(true)
  })

  test('takes what was touched for used', async () => {
    const cache = cacheOf(20)
    rmSync(await keep(cache, 'old', 20))
    rmSync(await keep(cache, 'new', 10))
    await cache.touch(sha256('old'))
    await cache.makeRoom(10)
    expect(blobs()).toEqual([sha256('old')])
  })

  test('never drops what is in use, and says what there is no room for', async () => {
    const cache = cacheOf(25)
    await keep(cache, 'one', 20)
    await keep(cache, 'two', 10)
    rmSync(await keep(cache, 'unused', 30))
    await expect(cache.makeRoom(10)).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringContaining('20 bytes of 25 bytes are in use') as string,
    })
    // What would not be enough does not go either.
    expect(blobs()).toHaveLength(3)
  })

  test('leaves the disk what must stay free', async () => {
    const cache = cacheOf(1e15, 1e15)
    rmSync(await keep(cache, 'unused', 30))
    await expect(cache.makeRoom(10)).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringContaining('1000000.0 GB must stay free') as string,
    })
    expect(blobs()).toHaveLength(1)
  })

  test('has room for nothing, however full it is', async () => {
    const cache = cacheOf(5, 1e15)
    await keep(cache, 'one', 10)
    await cache.makeRoom(0)
    expect(blobs()).toHaveLength(1)
  })

  test('keeps what was begun for one who goes on with it, until others need the room', async () => {
    const cache = cacheOf(20)
    rmSync(await keep(cache, 'old', 30))
    const begin = async (text: string) => {
      const file = path.join(base, 'begun')
      writeFileSync(file, text.slice(0, 6))
      await cache.keepBegun(sha256(text), file)
    }
    const to = path.join(base, 'copy')
    await begin('')
    expect(await cache.takeBegun(sha256(''), to)).toBe(false)
    await begin('beginning')
    // It is part of the room that its own file takes, and does not go for it.
    await cache.makeRoom(20, [sha256('beginning')])
    expect(blobs()).toEqual([`${sha256('beginning')}.begun`])
    expect(await cache.takeBegun(sha256('beginning'), to)).toBe(true)
    expect(readFileSync(to, 'utf8')).toBe('beginn')
    expect(await cache.takeBegun(sha256('beginning'), path.join(base, 'other'))).toBe(false)
    await begin('beginning')
    await cache.makeRoom(20)
    expect(blobs()).toEqual([])
  })

  test('leaves alone what is no blob, and keeps a blob twice without harm', async () => {
    const cache = cacheOf(10)
    await keep(cache, 'one', 5)
    await keep(cache, 'one', 0)
    writeFileSync(path.join(base, 'blobs', 'note.txt'), 'x'.repeat(50))
    rmSync(path.join(base, 'one'))
    await cache.makeRoom(10)
    expect(blobs()).toEqual(['note.txt'])
  })

  test('takes nothing for a name that is no hash', async () => {
    await expect(cacheOf().borrow('../../etc/passwd', base)).rejects.toThrow('is no sha256')
  })
})

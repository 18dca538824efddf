import { Buffer } from 'node:buffer'

import { expect, test, vi } from 'vitest'

import { BodyPool } from '../../src/gateway/body-pool.ts'

test('memory that was given back is used again', () => {
  const pool = new BodyPool()
  const first = pool.take(20_000)
  expect(first).toHaveLength(20_000)
  pool.giveBack(first)
  const second = pool.take(30_000)
  expect(second).toHaveLength(30_000)
  expect(second.buffer).toBe(first.buffer)
  expect(pool.take(30_000).buffer).not.toBe(first.buffer)
})

test('memory that is not of the pool is left alone', () => {
  const pool = new BodyPool()
  for (const foreign of [Buffer.from('small'), Buffer.alloc(17_000), Buffer.alloc(2 ** 22)]) {
    pool.giveBack(foreign)
    for (const bytes of [1, 16_385, 2 ** 20]) {
      expect(pool.take(bytes).buffer).not.toBe(foreign.buffer)
    }
  }
})

test('what lies idle has a bound', () => {
  const pool = new BodyPool()
  const slabs = Array.from({ length: 40 }, () => pool.take(2 ** 20))
  for (const slab of slabs) pool.giveBack(slab)
  const memory = new Set(slabs.map(({ buffer }) => buffer))
  const again = Array.from({ length: 40 }, () => pool.take(2 ** 20))
  expect(again.filter(({ buffer }) => memory.has(buffer))).toHaveLength(32)
})

test('chunks that were copied are collected before they are many', () => {
  const gc = vi.fn()
  vi.stubGlobal('gc', gc)
  const pool = new BodyPool()
  for (let i = 0; i < 300; i++) pool.copied(64 * 1024)
  expect(gc.mock.calls).toEqual([[{ type: 'minor' }]])
  vi.unstubAllGlobals()
  // Where the program was started without it, nothing happens.
  for (let i = 0; i < 300; i++) pool.copied(64 * 1024)
  expect(gc).toHaveBeenCalledTimes(1)
})

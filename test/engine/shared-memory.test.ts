import { Buffer } from 'node:buffer'
import { readdirSync, readSync } from 'node:fs'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { roomFor, SharedMemory } from '../../src/engine/shared-memory.ts'
import { SharedBodies } from '../../src/worker/shared-bodies.ts'

const large = (fill: number, bytes = 200_000) => Buffer.alloc(bytes, fill)

let memory: SharedMemory
beforeEach(() => {
  const opened = SharedMemory.open(roomFor(0))
  if (opened === undefined) throw new Error('this system has no /dev/shm')
  memory = opened
})
afterEach(() => memory.close())

function at(offset: number | undefined): number {
  if (offset === undefined) throw new Error('it was not put')
  return offset
}

test('what was put is read by whoever has the file, each part at a multiple of 8', () => {
  const first = at(memory.put([large(1, 150_001), Buffer.from('end')]))
  const second = at(memory.put([large(2)]))
  const bodies = new SharedBodies(memory.fd)
  const body = bodies.read({ at: first, bytes: 150_016 })
  expect(body.part(0, 150_001).equals(large(1, 150_001))).toBe(true)
  expect(body.part(150_008, 3).toString()).toBe('end')
  expect(bodies.read({ at: second, bytes: 200_000 }).part(0, 200_000).equals(large(2))).toBe(true)
})

test('the file has no name', () => {
  at(memory.put([large(1)]))
  expect(readdirSync('/dev/shm').filter((name) => name.startsWith('cutover-'))).toEqual([])
})

test('small and very large bodies go another way', () => {
  expect(memory.put([Buffer.alloc(10_000)])).toBeUndefined()
  expect(memory.put([Buffer.alloc(5_000_000)])).toBeUndefined()
  expect(memory.put([])).toBeUndefined()
})

test('there is room for a few, and again for what was given back', () => {
  const taken = Array.from({ length: 4 }, (_, i) => at(memory.put([large(i)])))
  expect(new Set(taken).size).toBe(4)
  expect(memory.put([large(9)])).toBeUndefined()
  const [first = -1] = taken
  memory.giveBack(first)
  expect(memory.put([large(9)])).toBe(first)
  for (const [i, offset] of taken.slice(1).entries()) {
    const bytes = Buffer.alloc(200_000)
    readSync(memory.fd, bytes, 0, bytes.length, offset)
    expect(bytes.equals(large(i + 1))).toBe(true)
  }
})

test('where requests share runs there is room for all of a run, and of the next', () => {
  expect(roomFor(16)).toEqual({ bytesMin: 4096, slots: 32 })
  expect(roomFor(1024).slots).toBe(64)
  const shared = SharedMemory.open(roomFor(4))
  try {
    const taken = Array.from({ length: 9 }, () => shared?.put([Buffer.alloc(5000)]))
    expect(taken.map((offset) => offset !== undefined)).toEqual([...Array(8).fill(true), false])
  } finally {
    shared?.close()
  }
})

test('once it is closed nothing is put', () => {
  const offset = at(memory.put([large(1)]))
  memory.close()
  memory.giveBack(offset)
  expect(memory.put([large(2)])).toBeUndefined()
  memory.close()
})

test('a reader gets nothing beyond the body or the memory', () => {
  const offset = at(memory.put([large(1)]))
  const bodies = new SharedBodies(memory.fd)
  const body = bodies.read({ at: offset, bytes: 200_000 })
  expect(() => body.part(199_999, 2)).toThrow(/beyond/)
  expect(() => bodies.read({ at: offset + 2 ** 30, bytes: 8 })).toThrow(/ends early/)
})

test('a reader uses its memory again', () => {
  const offset = at(memory.put([large(1)]))
  const bodies = new SharedBodies(memory.fd)
  const first = bodies.read({ at: offset, bytes: 200_000 })
  bodies.giveBack(first)
  const second = bodies.read({ at: offset, bytes: 150_000 })
  expect(second.memory).toBe(first.memory)
  expect(() => second.part(0, 150_001)).toThrow(/beyond/)
  expect(bodies.read({ at: offset, bytes: 150_000 }).memory).not.toBe(first.memory)
})

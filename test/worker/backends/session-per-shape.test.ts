import type { InferenceSession } from 'onnxruntime-node'
import { expect, test } from 'vitest'

import { SessionPerShape } from '../../../src/worker/backends/onnx/session-per-shape.ts'

/** Sessions that only have a number; there is no CUDA where tests run. */
function numbered(memory = Infinity) {
  let opened = 0
  const released: number[] = []
  const open = () => {
    const number = opened++
    const release = () => Promise.resolve(void released.push(number))
    return { number, release } as unknown as InferenceSession
  }
  const sessions = new SessionPerShape(open(), () =>
    opened < memory ? Promise.resolve(open()) : Promise.reject(new Error('out of memory')),
  )
  const ask = (rows: number, columns = 4) => {
    const shape = [rows, columns]
    const x = { dtype: 'uint8' as const, shape, data: new Uint8Array(rows * columns) }
    return sessions.run(new Map([['x', x]]), (session) =>
      Promise.resolve((session as unknown as { number: number }).number),
    )
  }
  return { ask, released, release: () => sessions.release() }
}

test('each shape keeps its session', async () => {
  const { ask } = numbered()
  expect(await Promise.all([ask(1), ask(8), ask(1), ask(8), ask(8, 5), ask(1)])).toEqual([
    0, 1, 0, 1, 2, 0,
  ])
})

test('the shape that was not asked for the longest gives way', async () => {
  const { ask, released, release } = numbered()
  for (const rows of [1, 2, 3, 4, 5, 6]) expect(await ask(rows)).toBe(rows - 1)
  expect(await ask(1)).toBe(0)
  expect(await ask(7)).toBe(1)
  expect(await ask(1)).toBe(0)
  expect(await ask(2)).toBe(2)
  await release()
  expect(new Set(released)).toEqual(new Set([0, 1, 2, 3, 4, 5]))
})

test('where there is memory for fewer, shapes share those that are there', async () => {
  const { ask, released, release } = numbered(2)
  expect(await Promise.all([ask(1), ask(8), ask(4), ask(4), ask(8), ask(1)])).toEqual([
    0, 1, 0, 0, 1, 0,
  ])
  await release()
  expect(new Set(released)).toEqual(new Set([0, 1]))
})

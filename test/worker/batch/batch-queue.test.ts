import { expect, test } from 'vitest'

import type { NamedTensors } from '../../../src/domain/tensor.ts'
import type { RunOptions } from '../../../src/worker/backends/backend.ts'
import { BatchQueue, type Ran } from '../../../src/worker/batch/batch-queue.ts'

const BROKEN = 13

/** A model that gives each row back, and fails at a row of BROKEN. What it ran is in `runs`. */
function identity(options: { sizeMax?: number; isPadded?: boolean } = {}) {
  const runs: { rows: number[]; options: RunOptions }[] = []
  const run = (inputs: NamedTensors, runOptions: RunOptions): Promise<Ran> => {
    const x = inputs.get('x')
    if (x === undefined) throw new Error('no x')
    runs.push({ rows: [...x.data], options: runOptions })
    if (x.data.includes(BROKEN)) return Promise.reject(new Error('a bad row'))
    return Promise.resolve({ outputs: new Map([['y', x]]), inferenceMs: 1 })
  }
  const queue = new BatchQueue(run, { sizeMax: 8, isPadded: false, ...options })
  const ask = async (values: number[], runOptions: RunOptions = {}) => {
    const x = { dtype: 'uint8' as const, shape: [values.length, 1], data: Uint8Array.from(values) }
    const { outputs, sharedBy } = await queue.run(new Map([['x', x]]), runOptions)
    const y = outputs.get('y')
    expect(y?.shape).toEqual([values.length, 1])
    return { rows: [...(y?.data ?? [])], sharedBy }
  }
  return { runs, ask }
}

test('what waits at the same time runs together, and each gets its own rows', async () => {
  const { runs, ask } = identity()
  const answers = await Promise.all([ask([1]), ask([2, 3]), ask([4])])
  expect(answers).toEqual([
    { rows: [1], sharedBy: 3 },
    { rows: [2, 3], sharedBy: 3 },
    { rows: [4], sharedBy: 3 },
  ])
  expect(runs.map(({ rows }) => rows)).toEqual([[1, 2, 3, 4]])
})

test('a lone request runs as it came', async () => {
  const { runs, ask } = identity({ isPadded: true })
  expect(await ask([7], { alone: true })).toEqual({ rows: [7], sharedBy: 1 })
  expect(runs).toEqual([{ rows: [7], options: { alone: true } }])
})

test('a run has no more rows than it may, and the first that came is in the next one', async () => {
  const { runs, ask } = identity({ sizeMax: 4 })
  await Promise.all([ask([1, 1, 1]), ask([2, 2]), ask([3]), ask([4, 4, 4, 4, 4]), ask([5])])
  expect(runs.map(({ rows }) => rows)).toEqual([
    [1, 1, 1, 3],
    [2, 2, 5],
    [4, 4, 4, 4, 4],
  ])
})

test('what asks for other outputs, or for another signature, is not joined', async () => {
  const { runs, ask } = identity()
  await Promise.all([
    ask([1]),
    ask([2], { outputs: ['y'] }),
    ask([3], { signature: 'other' }),
    ask([4], { outputs: ['y'] }),
    ask([5]),
  ])
  expect(runs.map(({ rows }) => rows)).toEqual([[1, 5], [2, 4], [3]])
})

test('a run is filled up to a size that the warm-up ran', async () => {
  const { runs, ask } = identity({ isPadded: true })
  const answers = await Promise.all([ask([1, 2]), ask([3])])
  expect(answers.map(({ rows }) => rows)).toEqual([[1, 2], [3]])
  expect(await ask([4, 5, 6])).toEqual({ rows: [4, 5, 6], sharedBy: 1 })
  expect(runs.map(({ rows }) => rows)).toEqual([
    [1, 2, 3, 0],
    [4, 5, 6, 0],
  ])
})

test('what runs by itself is filled up neither', async () => {
  const { runs, ask } = identity({ sizeMax: 4, isPadded: true })
  expect(await ask([7], { signature: 'other' })).toEqual({ rows: [7], sharedBy: 1 })
  expect(await ask([1, 2, 3, 4, 5])).toEqual({ rows: [1, 2, 3, 4, 5], sharedBy: 1 })
  expect(await ask([])).toEqual({ rows: [], sharedBy: 1 })
  expect(runs.map(({ rows }) => rows)).toEqual([[7], [1, 2, 3, 4, 5], []])
})

test('where a joined run fails, only the culprit does', async () => {
  const { ask } = identity()
  const answers = await Promise.allSettled([ask([1]), ask([BROKEN]), ask([2])])
  expect(answers).toMatchObject([
    { status: 'fulfilled', value: { rows: [1], sharedBy: 1 } },
    { status: 'rejected', reason: { message: 'a bad row' } },
    { status: 'fulfilled', value: { rows: [2], sharedBy: 1 } },
  ])
  expect(await ask([3])).toEqual({ rows: [3], sharedBy: 1 })
})

test('a model whose outputs have other rows than its inputs runs each by itself', async () => {
  const x = { dtype: 'uint8' as const, shape: [1, 1], data: Uint8Array.of(1) }
  let runs = 0
  const sum: Ran = { outputs: new Map([['sum', { ...x, shape: [1, 1] }]]), inferenceMs: 1 }
  const queue = new BatchQueue(() => Promise.resolve((runs++, sum)), {
    sizeMax: 8,
    isPadded: false,
  })
  const both = [queue.run(new Map([['x', x]]), {}), queue.run(new Map([['x', x]]), {})]
  expect((await Promise.all(both)).map(({ sharedBy }) => sharedBy)).toEqual([1, 1])
  expect(runs).toBe(3)
})

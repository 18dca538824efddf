import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { beforeAll, describe, expect, test } from 'vitest'

import { predict } from '../support/client.ts'
import { bright, dark } from '../support/images.ts'
import { fixture, temporaryDirectory } from '../support/registry.ts'
import { entryOf } from '../support/s3-registry.ts'
import { startServer, type TestServer, waitFor } from '../support/server.ts'

const dir = temporaryDirectory()
function add(model: string, file: string, manifest: object): void {
  const to = path.join(dir, model, '1')
  mkdirSync(to, { recursive: true })
  const bytes = readFileSync(fixture(file))
  writeFileSync(path.join(to, 'model.onnx'), bytes)
  const files = [entryOf('model.onnx', bytes)]
  const full = { schema: 'cutover/manifest/v1', files, ...manifest }
  writeFileSync(path.join(to, 'manifest.json'), JSON.stringify(full))
}

const batching = { sizeMax: 16 }
add('rows', 'v2/models/identity_fp32/1/model.onnx', {
  batching,
  warmup: { shapes: { INPUT0: [4] } },
})
add('tiny', 'v2/models/tiny/1/model.onnx', { batching })
add('fragile', 'models/fail.onnx', { batching })
add('strings', 'v2/models/identity_bytes/1/model.onnx', { batching })

let server: TestServer
beforeAll(async () => {
  server = await startServer(dir, { flags: ['--engines', '1'] })
})

async function infer(
  model: string,
  name: string,
  shape: readonly number[],
  data: readonly number[],
) {
  const answer = await fetch(`${server.url}/v2/models/${model}/infer`, {
    method: 'POST',
    body: JSON.stringify({ inputs: [{ name, datatype: 'FP32', shape, data }] }),
  })
  const { outputs, error } = (await answer.json()) as {
    outputs?: { shape: number[]; data: number[] }[]
    error?: string
  }
  return { status: answer.status, output: outputs?.[0], error }
}

/** The engines of a model stand still until all has been sent, so that it waits together. */
async function together<T>(model: string, requests: readonly (() => Promise<T>)[]): Promise<T[]> {
  const before = await server.metric('cutover_inflight_requests', { model })
  const pids = server.enginePids()
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  const answers = requests.map((send) => send())
  try {
    await waitFor(
      async () =>
        (await server.metric('cutover_inflight_requests', { model })) === before + requests.length,
      'all requests to be in an engine',
    )
  } finally {
    for (const pid of server.enginePids()) process.kill(pid, 'SIGCONT')
  }
  return Promise.all(answers)
}

async function statisticsOf(model: string) {
  const answer = await fetch(`${server.url}/v2/models/${model}/stats`)
  const { model_stats: stats } = (await answer.json()) as {
    model_stats: { inference_count: number; execution_count: number }[]
  }
  return { examples: stats[0]?.inference_count, runs: stats[0]?.execution_count }
}

describe('a model whose manifest says that requests share runs', () => {
  test('answers each with its own rows, in fewer runs than requests', async () => {
    const requests = Array.from({ length: 12 }, (_, i) => {
      const rows = 1 + (i % 3)
      const data = Array.from({ length: rows * 4 }, (_, at) => i * 100 + at)
      return { rows, data }
    })
    const answers = await together(
      'tiny',
      requests.map(
        ({ rows, data }) =>
          () =>
            infer('tiny', 'x', [rows, 4], data),
      ),
    )
    for (const [index, { rows, data }] of requests.entries()) {
      const alone = await infer('tiny', 'x', [rows, 4], data)
      expect(alone.status).toBe(200)
      expect(answers[index]).toMatchObject({ status: 200, output: { shape: [rows, 3] } })
      // Rows of a batch may differ in their last bits from the same rows alone.
      for (const [at, value] of (alone.output?.data ?? []).entries()) {
        expect(answers[index]?.output?.data[at]).toBeCloseTo(value, 2)
      }
    }
    const { examples, runs } = await statisticsOf('tiny')
    expect(examples).toBe(2 * 24)
    // 24 rows together are two runs of at most 16, or a few more where some came late.
    expect(runs).toBeLessThan(12 + 8)
    expect(await server.metric('cutover_examples_total', { model: 'tiny' })).toBe(examples)
    expect(await server.metric('cutover_model_runs_total', { model: 'tiny' })).toBe(runs)
  })

  test('joins only what has the same sizes', async () => {
    const sizes = [4, 5, 4, 5, 3]
    const answers = await together(
      'rows',
      sizes.map(
        (size, i) => () =>
          infer(
            'rows',
            'INPUT0',
            [1, size],
            Array.from({ length: size }, () => i),
          ),
      ),
    )
    expect(answers.map(({ output }) => output?.data)).toEqual(
      sizes.map((size, i) => Array.from({ length: size }, () => i)),
    )
  })

  test('takes images, which run together', async () => {
    const answers = await together(
      'fragile',
      Array.from({ length: 6 }, () => () => predict(server.url, dark, '/models/fragile/predict')),
    )
    expect(answers.map(({ status, body }) => [status, body.class_index])).toEqual(
      Array.from({ length: 6 }, () => [200, 0]),
    )
  })

  test('fails at the request that it cannot run, and not at those beside it', async () => {
    const pixels = 8 * 8 * 3
    const image = (value: number) => Array.from({ length: pixels }, () => value)
    const values = [0, 0, 1e6, 0]
    const answers = await together(
      'fragile',
      values.map((value) => () => infer('fragile', 'image', [1, 8, 8, 3], image(value))),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 500, 200])
    expect((await predict(server.url, bright, '/models/fragile/predict')).status).toBe(500)
  })
})

test('a model whose requests cannot be joined is refused, with the reason', async () => {
  const { error } = await infer('strings', 'INPUT0', [1, 1], [1])
  expect(error).toMatch(/version 1: batching: INPUT0 holds strings, which are not joined/)
})

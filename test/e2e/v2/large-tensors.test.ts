import { Buffer } from 'node:buffer'

import { beforeAll, expect, test } from 'vitest'

import { fixture } from '../../support/registry.ts'
import { send } from '../../support/exact-http.ts'
import { startServer, type TestServer } from '../../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer(fixture('v2/models/identity_fp32'), { flags: ['--engines', '2'] })
})

/** Answers whether the tensor came back as it went. */
async function survives(elements: number, seed: number): Promise<boolean> {
  const values = Float32Array.from({ length: elements }, (_, i) => (i * 31 + seed) % 10_007)
  const data = Buffer.from(values.buffer)
  const head = Buffer.from(
    JSON.stringify({
      inputs: [
        {
          name: 'INPUT0',
          datatype: 'FP32',
          shape: [1, elements],
          parameters: { binary_data_size: data.length },
        },
      ],
      parameters: { binary_data_output: true },
    }),
  )
  const { status, headers, body } = await send(server.url, {
    path: '/v2/models/identity_fp32/infer',
    headers: { 'inference-header-content-length': String(head.length) },
    body: Buffer.concat([head, data]),
  })
  const headBytes = Number(headers['inference-header-content-length'])
  return status === 200 && body.subarray(headBytes).equals(data)
}

test.each([
  ['400 KB, some through memory that is shared and some through the socket', 100_001],
  ['1.3 MB', 333_333],
  ['as much as one request may share', 1_048_576],
  ['more than that', 1_048_577],
])('tensors of %s come back as they went, many at a time', async (_, elements) => {
  const all = Array.from({ length: 16 }, (_, seed) => survives(elements, seed))
  expect(await Promise.all(all)).toEqual(all.map(() => true))
})

test('of all sizes at once, too, and again', async () => {
  for (let round = 0; round < 3; round++) {
    const all = Array.from({ length: 24 }, (_, i) => survives(1 + i * 20_011, round * 100 + i))
    expect(await Promise.all(all)).toEqual(all.map(() => true))
  }
})

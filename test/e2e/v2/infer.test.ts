import { Buffer } from 'node:buffer'
import { gzipSync } from 'node:zlib'

import { beforeAll, describe, expect, test } from 'vitest'

import { send } from '../../support/exact-http.ts'
import { fixture } from '../../support/registry.ts'
import { startServer, type TestServer } from '../../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer(fixture('v2/models'), {
    flags: ['--engines', '1', '--versions-loaded-max', '3', '--body-bytes-max', '2mb'],
  })
})

async function ask(model: string, body: object | string, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await send(server.url, { path: `/v2/models/${model}/infer`, headers, body: text })
  return { status: answer.status, body: JSON.parse(answer.body.toString()) as unknown }
}

const input = (datatype: string, shape: unknown[], data: unknown[], name = 'INPUT0') => ({
  name,
  datatype,
  shape,
  data,
})

const region = () => ({ shared_memory_region: 'a', shared_memory_byte_size: 16 })

describe('requests that end a Triton', () => {
  const row = Array.from({ length: 16 }, () => 1)
  const other = input('INT32', [1, 16], row, 'INPUT1')
  const huge = (shape: string) =>
    JSON.stringify({ inputs: [input('INT32', ['HERE'], row), other] }).replace('"HERE"', shape)

  test.each([
    ['simple', huge('18446744073709551615,16')],
    ['identity_int32', huge('1000000000,1000000000')],
    ['identity_int32', huge('4294967296,4294967296')],
    ['identity_fp32', { inputs: [input('FP32', [0, 4294967296], [])] }],
    ['identity_bytes', { inputs: [input('BYTES', [4294967296, 0], [])] }],
    [
      'identity_fp32',
      `{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[1,1],"data":${'['.repeat(
        100_000,
      )}1${']'.repeat(100_000)}}]}`,
    ],
    [
      'identity_bytes',
      {
        inputs: [input('BYTES', [1, 1], ['a'])],
        outputs: [{ name: 'OUTPUT0', parameters: { classification: 1 } }],
      },
    ],
  ])('are answered with 400: %s %.120j', async (model, body) => {
    const { status, body: answer } = await ask(model, body)
    expect([status, answer]).toEqual([400, { error: expect.any(String), code: expect.any(String) }])
  })

  test('of binary data too', async () => {
    const json = JSON.stringify({
      inputs: [
        {
          name: 'INPUT0',
          datatype: 'INT32',
          shape: [1e9, 1e9],
          parameters: { binary_data_size: 4 },
        },
      ],
    })
    const { status } = await send(server.url, {
      path: '/v2/models/identity_int32/infer',
      headers: { 'inference-header-content-length': String(json.length) },
      body: `${json}0000`,
    })
    expect(status).toBe(400)
  })
})

describe('a wrong tensor', () => {
  const one = [1, 2, 3, 4]
  test.each([
    ['name', input('FP32', [1, 4], one, 'z'), /there is no input z; the model takes x: float32/],
    ['datatype', input('INT32', [1, 4], one, 'x'), /x: float32\[batch, 4\] was given as int32/],
    ['rank', input('FP32', [4], one, 'x'), /x: float32\[batch, 4\] was given as float32\[4\]/],
    ['size', input('FP32', [1, 3], [1, 2, 3], 'x'), /was given as float32\[1, 3\]/],
    ['count', input('FP32', [1, 4], [1], 'x'), /shape \[1, 4\] has 4 elements, data has 1/],
  ])('is refused by its %s, with a sentence that names it', async (_what, tensor, sentence) => {
    const { status, body } = await ask('tiny', { inputs: [tensor] })
    expect([status, body]).toEqual([
      400,
      { error: expect.stringMatching(sentence), code: 'TENSOR_INVALID' },
    ])
  })

  const tensor = { name: 'x', datatype: 'FP32', shape: [1, 4], data: one }
  const inputs = [tensor]
  test.each<[unknown, string]>([
    [[], 'the request must be a JSON object'],
    [null, 'the request must be a JSON object'],
    [{ id: 5, inputs }, 'id must be a string'],
    [{ id: null, inputs }, 'id must be a string'],
    [{ inputs: null }, 'inputs must be an array'],
    [{ inputs: ['x'] }, 'inputs[0]: it must be an object'],
    [{ inputs: [{ ...tensor, name: 5 }] }, 'inputs[0]: name must be a string'],
    [{ inputs: [{ datatype: 5, name: 'x' }] }, 'inputs[0]: datatype must be a string'],
    [{ inputs: [{ ...tensor, datatype: null }] }, 'input x: datatype must be a string'],
    [{ inputs: [{ ...tensor, shape: '1,4' }] }, 'input x: shape must be an array'],
    [{ inputs: [{ ...tensor, parameters: [] }] }, 'input x: parameters must be an object'],
    [{ inputs, outputs: null }, 'outputs must be an array'],
    [{ inputs, outputs: ['y'] }, 'outputs[0]: it must be an object'],
    [{ inputs, outputs: [{ name: true }] }, 'outputs[0]: name must be a string'],
    [{ inputs, outputs: [{ name: 'y', parameters: 1 }] }, 'output y: parameters must be an object'],
    [{ inputs, parameters: null }, 'parameters must be an object'],
  ])('%j is not called malformed: the sentence says what must be what', async (body, error) => {
    expect(await ask('tiny', JSON.stringify(body))).toEqual({
      status: 400,
      body: { error, code: expect.stringMatching(/^(TENSOR|REQUEST)_INVALID$/) },
    })
  })

  test.each(['', '{"id":', '{"id":x}', '{"inputs":nul}', '{"inputs":[{"shape":"1'])(
    '%j is malformed',
    async (text) => {
      const { status, body } = await ask('tiny', text)
      expect([status, body]).toEqual([
        400,
        { error: expect.stringContaining('the JSON is malformed'), code: 'REQUEST_INVALID' },
      ])
    },
  )

  test.each([
    [{ inputs: [{ ...tensor, data: undefined, parameters: region() }] }, 'input x'],
    [{ inputs, outputs: [{ name: 'y', parameters: region() }] }, 'output y'],
  ])('in memory of the client is refused: %j', async (body, name) => {
    expect(await ask('tiny', body)).toEqual({
      status: 400,
      body: {
        error: expect.stringContaining(`${name}: this server shares no memory`) as string,
        code: 'TENSOR_INVALID',
      },
    })
  })

  test('or output is refused before the model runs', async () => {
    const { status, body } = await ask('tiny', {
      inputs: [input('FP32', [1, 4], one, 'x')],
      outputs: [{ name: 'z' }],
    })
    expect([status, body]).toEqual([
      400,
      {
        error: expect.stringContaining('there is no output z; the model gives y'),
        code: 'TENSOR_INVALID',
      },
    ])
  })
})

test.each([
  ['INT64', '[9007199254740992,9007199254740993,9223372036854775807]'],
  ['UINT64', '[9007199254740992,9007199254740993,18446744073709551615]'],
])('the best classes of %s are exact', async (datatype, data) => {
  const { body } = await ask(
    `identity_${datatype.toLowerCase()}`,
    `{"inputs":[{"name":"INPUT0","datatype":"${datatype}","shape":[1,3],"data":${data}}],` +
      '"outputs":[{"name":"OUTPUT0","parameters":{"classification":3}}]}',
  )
  const largest = data.slice(1, -1).split(',')[2]
  const classes = [`${largest}:2`, '9007199254740993:1', '9007199254740992:0']
  expect(body).toMatchObject({ outputs: [{ datatype: 'BYTES', data: classes }] })
})

test('a body that unpacks to more than is allowed is refused while it unpacks', async () => {
  const { status } = await send(server.url, {
    path: '/v2/models/tiny/infer',
    headers: { 'content-encoding': 'gzip' },
    body: gzipSync(Buffer.alloc(64 * 1024 ** 2)),
  })
  expect(status).toBe(413)
})

test('what was asked is counted by version', async () => {
  for (const batch of [1, 3]) {
    const data = Array.from({ length: batch * 4 }, () => 1)
    await ask('tiny', { inputs: [input('FP32', [batch, 4], data, 'x')] })
  }
  const { body } = await send(server.url, { method: 'GET', path: '/v2/models/tiny/stats' })
  const { model_stats: stats } = JSON.parse(body.toString()) as { model_stats: object[] }
  expect(stats).toEqual([
    expect.objectContaining({ name: 'tiny', version: '1', inference_count: 4, execution_count: 2 }),
  ])
  expect(
    await server.metric('cutover_requests_total', { model: 'tiny', protocol: 'v2', outcome: 'ok' }),
  ).toBe(2)
})

test('the repository is listed, and unloads nothing that it holds', async () => {
  const post = (path: string, body = '') =>
    send(server.url, { path: `/v2/repository/${path}`, body })
  const index = JSON.parse((await post('index')).body.toString()) as unknown[]
  expect(index).toContainEqual({ name: 'versioned', version: '2', state: 'READY', reason: '' })
  expect((await post('index', '{"ready":true}')).status).toBe(200)
  expect((await post('index', '{"ready":1}')).status).toBe(400)
  expect((await post('models/simple/load', '{}')).status).toBe(200)
  expect((await post('models/simple/unload')).status).toBe(503)
})

test('a connection goes on after an error', async () => {
  const asked = Array.from({ length: 20 }, (_, i) =>
    i % 2 === 0
      ? ask('tiny', { inputs: [] })
      : ask('tiny', { inputs: [input('FP32', [1, 4], [1, 2, 3, 4], 'x')] }),
  )
  const statuses = (await Promise.all(asked)).map(({ status }) => status)
  expect(statuses).toEqual(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 400 : 200)))
})

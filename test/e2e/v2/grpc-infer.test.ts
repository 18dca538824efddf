import { Buffer } from 'node:buffer'

import { beforeAll, describe, expect, test } from 'vitest'

import { send } from '../../support/exact-http.ts'
import { GrpcClient, type GrpcTensor, type InferMessage } from '../../support/grpc.ts'
import { fixture } from '../../support/registry.ts'
import { startServer, type TestServer } from '../../support/server.ts'

let server: TestServer
let client: GrpcClient
beforeAll(async () => {
  server = await startServer(fixture('v2/models'), {
    flags: ['--engines', '1', '--versions-loaded-max', '3', '--grpc-port', '0'],
  })
  client = new GrpcClient(server.grpcAddress)
})

const row = Array.from({ length: 16 }, (_, i) => i)
const int32 = (values: readonly number[]) => Buffer.from(Int32Array.from(values).buffer)

const x: GrpcTensor = { name: 'x', datatype: 'FP32', shape: [1, 4] }
const tiny: InferMessage = {
  model_name: 'tiny',
  inputs: [x],
  raw_input_contents: [Buffer.alloc(16)],
}

/** Two elements of each datatype: as bytes, as typed contents, as JSON. */
const INT64_MAX = '9223372036854775807'
const UINT64_MAX = '18446744073709551615'
const ELEMENTS = [
  ['bool', 'BOOL', Uint8Array.of(1, 0), { bool_contents: [true, false] }, '[true,false]'],
  ['int8', 'INT8', Int8Array.of(-128, 127), { int_contents: [-128, 127] }, '[-128,127]'],
  ['int16', 'INT16', Int16Array.of(-32768, 7), { int_contents: [-32768, 7] }, '[-32768,7]'],
  [
    'int32',
    'INT32',
    Int32Array.of(-(2 ** 31), 7),
    { int_contents: [-(2 ** 31), 7] },
    '[-2147483648,7]',
  ],
  [
    'int64',
    'INT64',
    BigInt64Array.of(BigInt(INT64_MAX), -1n),
    { int64_contents: [INT64_MAX, '-1'] },
    `[${INT64_MAX},-1]`,
  ],
  ['uint8', 'UINT8', Uint8Array.of(255, 0), { uint_contents: [255, 0] }, '[255,0]'],
  ['uint16', 'UINT16', Uint16Array.of(65535, 0), { uint_contents: [65535, 0] }, '[65535,0]'],
  [
    'uint32',
    'UINT32',
    Uint32Array.of(2 ** 32 - 1, 1),
    { uint_contents: [2 ** 32 - 1, 1] },
    '[4294967295,1]',
  ],
  [
    'uint64',
    'UINT64',
    BigUint64Array.of(BigInt(UINT64_MAX), 1n),
    { uint64_contents: [UINT64_MAX, '1'] },
    `[${UINT64_MAX},1]`,
  ],
  ['fp32', 'FP32', Float32Array.of(0.1, -0), { fp32_contents: [0.1, -0] }, '[0.1,-0.0]'],
  [
    'fp64',
    'FP64',
    Float64Array.of(0.1, Infinity),
    { fp64_contents: [0.1, Infinity] },
    '[0.1,Infinity]',
  ],
  [
    'bytes',
    'BYTES',
    Buffer.from('\x02\0\0\0ab\x00\0\0\0', 'latin1'),
    { bytes_contents: [Buffer.from('ab'), Buffer.from('')] },
    '["ab",""]',
  ],
] as const

describe.each(ELEMENTS)('identity of %s', (name, datatype, array, contents, json) => {
  const model = `identity_${name}`
  const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength)
  const input = { name: 'INPUT0', datatype, shape: [1, 2] }

  test('raw contents come back as they went, as binary data over REST does', async () => {
    const { outputs, raw_output_contents: raw } = await client.infer({
      model_name: model,
      inputs: [input],
      raw_input_contents: [bytes],
    })
    expect(outputs).toMatchObject([{ name: 'OUTPUT0', datatype, shape: ['1', '2'] }])
    expect(raw).toEqual([bytes])
    const header = JSON.stringify({
      inputs: [{ ...input, parameters: { binary_data_size: bytes.length } }],
      parameters: { binary_data_output: true },
    })
    const rest = await send(server.url, {
      path: `/v2/models/${model}/infer`,
      headers: { 'inference-header-content-length': String(header.length) },
      body: Buffer.concat([Buffer.from(header), bytes]),
    })
    const headerBytes = Number(rest.headers['inference-header-content-length'])
    expect(rest.body.subarray(headerBytes)).toEqual(bytes)
  })

  test('typed contents are the same bytes, and JSON over REST is', async () => {
    const { raw_output_contents: raw } = await client.infer({
      model_name: model,
      inputs: [{ ...input, contents }],
    })
    expect(raw).toEqual([bytes])
    const asked = { inputs: [{ ...input, data: 0 }], parameters: { binary_data_output: true } }
    const binary = await send(server.url, {
      path: `/v2/models/${model}/infer`,
      body: JSON.stringify(asked).replace('"data":0', `"data":${json}`),
    })
    const headerBytes = Number(binary.headers['inference-header-content-length'])
    expect(binary.body.subarray(headerBytes)).toEqual(bytes)
  })
})

test('identity of fp16, which has only raw contents', async () => {
  const bytes = Buffer.from(Uint16Array.of(0x3c00, 0x7bff, 0x7e01).buffer)
  const { raw_output_contents: raw } = await client.infer({
    model_name: 'identity_fp16',
    inputs: [{ name: 'INPUT0', datatype: 'FP16', shape: [1, 3] }],
    raw_input_contents: [bytes],
  })
  expect(raw).toEqual([bytes])
})

test('typed contents may come in pieces, and empty tensors without any', async () => {
  // Not packed: each element with a tag of its own. INPUT0 INT32 [1, 2], int_contents 5 and 6.
  const contents = Buffer.from([0x10, 5, 0x10, 6])
  const input = Buffer.concat([
    Buffer.from('\x0a\x06INPUT0\x12\x05INT32\x18\x01\x18\x02\x2a', 'latin1'),
    Buffer.from([contents.length]),
    contents,
  ])
  const message = Buffer.concat([
    Buffer.from('\x0a\x0eidentity_int32\x2a', 'latin1'),
    Buffer.from([input.length]),
    input,
  ])
  const { code, details, response } = await client.call('ModelInfer', message)
  expect(code, details).toBe('OK')
  expect(response).toMatchObject({ raw_output_contents: [int32([5, 6])] })
  const empty = { name: 'INPUT0', datatype: 'INT32', shape: [0, 2] }
  const { outputs } = await client.infer({ model_name: 'identity_int32', inputs: [empty] })
  expect(outputs[0]?.shape).toEqual(['0', '2'])
})

const region = { shared_memory_region: { string_param: 'a' } }

describe('bad input is refused with a sentence that names the tensor:', () => {
  const named = (name: string, shape: (number | string)[] = [1, 16], datatype = 'INT32') => ({
    name,
    datatype,
    shape,
  })
  const simple = (first: object, ...rest: object[]) => ({
    model_name: 'simple',
    inputs: [first, ...rest],
    raw_input_contents: [first, ...rest].map(() => int32(row)),
  })
  const second = named('INPUT1')
  const typed = (datatype: string, contents: object, shape = [1, 2]) => ({
    model_name: `identity_${datatype.toLowerCase()}`,
    inputs: [{ name: 'INPUT0', datatype, shape, contents }],
  })
  const INVALID = 'INVALID_ARGUMENT'
  test.each<[string, object, string, RegExp]>([
    [
      'dtype',
      simple(named('INPUT0', [1, 16], 'FP32'), second),
      INVALID,
      /INPUT0: int32\[.*float32/,
    ],
    [
      'no dtype',
      simple({ name: 'INPUT0', shape: [1, 16] }, second),
      INVALID,
      /INPUT0 has no datatype/,
    ],
    [
      'unknown dtype',
      simple(named('INPUT0', [1, 16], 'FP8'), second),
      INVALID,
      /INPUT0: FP8 is not/,
    ],
    [
      'rank',
      simple(named('INPUT0', [16]), second),
      INVALID,
      /INPUT0: int32\[.*given as int32\[16\]/,
    ],
    [
      'size',
      simple(named('INPUT0', [1, 15]), second),
      INVALID,
      /INPUT0: .* given as int32\[1, 15\]/,
    ],
    [
      'byte count',
      simple(named('INPUT0', [2, 16]), named('INPUT1', [2, 16])),
      INVALID,
      /INPUT0: .* is 128 bytes, not 64/,
    ],
    ['name', simple(named('NOPE'), second), INVALID, /no input NOPE; the model takes INPUT0/],
    [
      'no name',
      simple({ datatype: 'INT32', shape: [1, 16] }, second),
      INVALID,
      /inputs\[0\] has no name/,
    ],
    ['a missing input', simple(named('INPUT0')), INVALID, /INPUT1: int32.* is missing/],
    ['a duplicate', simple(named('INPUT0'), named('INPUT0')), INVALID, /INPUT0 is given twice/],
    [
      'a negative shape',
      simple(named('INPUT0', [-1, 16]), second),
      INVALID,
      /INPUT0: shape\[0\] is not a size/,
    ],
    [
      'a huge size',
      simple(named('INPUT0', ['9223372036854775807', 16]), second),
      INVALID,
      /INPUT0: shape\[0\]/,
    ],
    [
      'an overflowing shape',
      {
        model_name: 'identity_int32',
        inputs: [named('INPUT0', [1e9, 1e9])],
        raw_input_contents: [int32([1])],
      },
      INVALID,
      /INPUT0: the shape/,
    ],
    [
      'an overflowing shape, wrapping to 0',
      {
        model_name: 'identity_int32',
        inputs: [named('INPUT0', [2 ** 32, 2 ** 32])],
        raw_input_contents: [Buffer.alloc(0)],
      },
      INVALID,
      /INPUT0: the shape/,
    ],
    [
      'ranks beyond reason',
      simple(
        named(
          'INPUT0',
          Array.from({ length: 100 }, () => 1),
        ),
        second,
      ),
      INVALID,
      /INPUT0: more than 64 dimensions/,
    ],
    [
      'batches that differ',
      {
        ...simple(named('INPUT0', [2, 16]), second),
        raw_input_contents: [int32([...row, ...row]), int32(row)],
      },
      INVALID,
      /INPUT1: .* is 1 here and 2 in INPUT0/,
    ],
    [
      'an unknown output',
      { ...simple(named('INPUT0'), second), outputs: [{ name: 'NOPE' }] },
      INVALID,
      /no output NOPE; the model gives OUTPUT0/,
    ],
    [
      'an output without a name',
      { ...simple(named('INPUT0'), second), outputs: [{}] },
      INVALID,
      /outputs\[0\] has no name/,
    ],
    [
      'a string that is not UTF-8',
      {
        model_name: 'identity_bytes',
        inputs: [{ name: 'INPUT0', datatype: 'BYTES', shape: [1, 2] }],
        raw_input_contents: [Buffer.from([1, 0, 0, 0, 0x61, 1, 0, 0, 0, 0xff])],
      },
      INVALID,
      /input INPUT0: element 1 is not UTF-8/,
    ],
    [
      'an input in memory of the client',
      simple({ ...named('INPUT0'), parameters: region }, second),
      INVALID,
      /input INPUT0: this server shares no memory/,
    ],
    [
      'an output in memory of the client',
      { ...simple(named('INPUT0'), second), outputs: [{ name: 'OUTPUT0', parameters: region }] },
      INVALID,
      /output OUTPUT0: this server shares no memory/,
    ],
    [
      'too little raw data',
      { ...simple(named('INPUT0'), second), raw_input_contents: [int32(row)] },
      INVALID,
      /INPUT1 has no data/,
    ],
    [
      'too much raw data',
      { ...simple(named('INPUT0')), raw_input_contents: [int32(row), int32(row)] },
      INVALID,
      /2 entries, but there are 1 inputs/,
    ],
    [
      'no data',
      { model_name: 'simple', inputs: [named('INPUT0'), second] },
      INVALID,
      /INPUT0 has no data/,
    ],
    [
      'raw and typed',
      simple({ ...named('INPUT0'), contents: { int_contents: row } }, second),
      INVALID,
      /INPUT0 has contents and/,
    ],
    [
      'another field',
      typed('INT32', { fp32_contents: [1, 2] }),
      INVALID,
      /INPUT0: INT32 has its elements in int_contents, not in fp32/,
    ],
    ['typed FP16', typed('FP16', { fp32_contents: [1, 2] }), INVALID, /INPUT0: FP16 has no typed/],
    [
      'too few elements',
      typed('INT32', { int_contents: [1] }),
      INVALID,
      /INPUT0: the shape \[1, 2\] has 2 elements, data has 1/,
    ],
    [
      'too many elements',
      typed('FP32', { fp32_contents: [1, 2, 3] }),
      INVALID,
      /INPUT0: the shape \[1, 2\] has 2 elements, data has 3/,
    ],
    [
      'too many strings',
      typed('BYTES', { bytes_contents: ['', '', ''].map(() => Buffer.from('a')) }),
      INVALID,
      /INPUT0: .* has 2 elements, data has 3/,
    ],
    [
      'an integer beyond',
      typed('INT8', { int_contents: [1, 128] }),
      INVALID,
      /INPUT0: element 1 is 128: no INT8/,
    ],
    [
      'a natural beyond',
      typed('UINT16', { uint_contents: [65536, 1] }),
      INVALID,
      /INPUT0: element 0 is 65536/,
    ],
    [
      'typed, and an overflowing shape',
      typed('INT32', { int_contents: [1] }, [2 ** 32, 2 ** 32]),
      INVALID,
      /INPUT0: the shape/,
    ],
    [
      'a string that lies',
      {
        model_name: 'identity_bytes',
        inputs: [named('INPUT0', [1, 1], 'BYTES')],
        raw_input_contents: [Buffer.from([9, 0, 0, 0, 1])],
      },
      INVALID,
      /INPUT0: the length of a string/,
    ],
    [
      'classes of strings',
      {
        model_name: 'identity_bytes',
        inputs: [named('INPUT0', [1, 1], 'BYTES')],
        raw_input_contents: [Buffer.from([1, 0, 0, 0, 97])],
        outputs: [{ name: 'OUTPUT0', parameters: { classification: { int64_param: 1 } } }],
      },
      INVALID,
      /output OUTPUT0 is string/,
    ],
    ['an unknown model', { ...tiny, model_name: 'nope' }, 'NOT_FOUND', /no model nope; served/],
    ['no model', { ...tiny, model_name: '' }, 'NOT_FOUND', /not the name of a model/],
    [
      'an unknown version',
      { ...tiny, model_version: '9' },
      'NOT_FOUND',
      /version 9 of tiny is not loaded; loaded: 1/,
    ],
    ['a version of letters', { ...tiny, model_version: 'abc' }, INVALID, /a version is/],
    [
      'a parameter of no kind',
      { ...tiny, parameters: { p: {} } },
      INVALID,
      /parameter p must have/,
    ],
  ])('%s', async (_what, request, status, sentence) => {
    const { code, details } = await client.call('ModelInfer', request)
    expect([code, details]).toEqual([status, expect.stringMatching(sentence)])
  })

  test.each([
    ['no message', Buffer.from('this is no message')],
    ['half a message', Buffer.from([0x3a, 0x7f, 1])],
    ['a field of another type', Buffer.from([0x08, 1])],
    ['nested groups without end', Buffer.alloc(100_000, 0x43)],
    [
      'broken contents',
      Buffer.from(
        '\x0a\x0eidentity_int32\x2a\x14\x0a\x06INPUT0\x12\x05INT32\x2a\x02\x12\x7f',
        'latin1',
      ),
    ],
  ])('%s', async (_what, bytes) => {
    const { code, details } = await client.call('ModelInfer', bytes)
    expect([code, details]).toEqual([INVALID, expect.stringMatching(/is not a|element/)])
  })
})

test('a sentence quotes no more of a request than a trailer holds', async () => {
  const name = 'é'.repeat(100_000)
  const { code, details } = await client.call('ModelInfer', { ...tiny, inputs: [{ ...x, name }] })
  expect(code).toBe('INVALID_ARGUMENT')
  expect(details.length).toBeLessThan(1000)
})

test('trailers say which version answered, and the code of a failure', async () => {
  const metadata = { 'x-request-id': 'abc.1' }
  const answered = await client.call('ModelInfer', tiny, { metadata })
  expect(answered.metadata.getMap()).toMatchObject({
    'x-request-id': 'abc.1',
    'x-model-name': 'tiny',
    'x-model-version': '1',
    'x-model-track': 'stable',
  })
  const explicit = { ...tiny, model_name: 'versioned', model_version: '1' }
  const input = { name: 'INPUT0', datatype: 'INT32', shape: [1, 1] }
  const asked = { ...explicit, inputs: [input], raw_input_contents: [int32([0])] }
  expect((await client.call('ModelInfer', asked)).metadata.getMap()).toMatchObject({
    'x-model-version': '1',
    'x-model-track': 'explicit',
  })
  const refused = await client.call('ModelInfer', { ...tiny, inputs: [], raw_input_contents: [] })
  expect(refused.metadata.getMap()).toMatchObject({
    'cutover-code': 'TENSOR_INVALID',
    'x-model-track': 'stable',
  })
})

test('what is asked over gRPC is counted where REST is counted', async () => {
  const statistics = async () => {
    const { response } = await client.call('ModelStatistics', { name: 'tiny', version: '1' })
    const rest = await send(server.url, { method: 'GET', path: '/v2/models/tiny/stats' })
    const counts = ({ inference_count: examples, inference_stats: stats }: Counted) => ({
      examples: Number(examples),
      success: Number(stats.success.count),
      fail: Number(stats.fail.count),
    })
    const of = (answer: unknown) => (answer as { model_stats: Counted[] }).model_stats.map(counts)
    expect(of(response)).toEqual(of(JSON.parse(rest.body.toString())))
    return of(response)[0] ?? { examples: NaN, success: NaN, fail: NaN }
  }
  const before = await statistics()
  await client.infer({
    ...tiny,
    inputs: [{ ...x, shape: [3, 4] }],
    raw_input_contents: [Buffer.alloc(48)],
  })
  await client.call('ModelInfer', { ...tiny, inputs: [], raw_input_contents: [] })
  const { examples, success, fail } = await statistics()
  expect([examples, success, fail]).toEqual([
    before.examples + 3,
    before.success + 1,
    before.fail + 1,
  ])
  const labels = { model: 'tiny', protocol: 'v2-grpc', outcome: 'ok' }
  expect(await server.metric('cutover_requests_total', labels)).toBe(success)
})

interface Counted {
  readonly inference_count: string
  readonly inference_stats: Readonly<Record<'success' | 'fail', { readonly count: string }>>
}

test('statistics of all models, and of none', async () => {
  const { response } = await client.call('ModelStatistics', {})
  expect((response as { model_stats: object[] }).model_stats.length).toBeGreaterThan(15)
  for (const request of [{ name: 'nope' }, { name: 'tiny', version: '9' }]) {
    const { code } = await client.call('ModelStatistics', request)
    expect(code).toBe('INVALID_ARGUMENT')
  }
})

test.each([
  ['SystemSharedMemoryRegister', { name: 'a' }, 'UNIMPLEMENTED'],
  ['CudaSharedMemoryRegister', { name: 'a' }, 'UNIMPLEMENTED'],
  ['SystemSharedMemoryUnregister', {}, 'OK'],
  ['CudaSharedMemoryStatus', {}, 'OK'],
  ['TraceSetting', { settings: { trace_level: { value: ['TENSORS'] } } }, 'UNIMPLEMENTED'],
  ['LogSettings', {}, 'OK'],
  ['LogSettings', { settings: { log_info: { bool_param: false } } }, 'UNIMPLEMENTED'],
  ['RepositoryModelLoad', { model_name: 'nope' }, 'NOT_FOUND'],
  [
    'RepositoryModelLoad',
    { model_name: 'tiny', parameters: { config: { string_param: '{}' } } },
    'INVALID_ARGUMENT',
  ],
  ['RepositoryModelUnload', { model_name: 'tiny' }, 'UNAVAILABLE'],
  ['ModelConfig', { name: 'nope' }, 'NOT_FOUND'],
  ['ModelMetadata', { name: 'tiny', version: 'abc' }, 'INVALID_ARGUMENT'],
])('%s %j: %s', async (rpc, request, code) => {
  expect(await client.call(rpc, request)).toMatchObject({ code })
})

test('the repository is listed', async () => {
  const { response } = await client.call('RepositoryIndex', { ready: true })
  const { models } = response as { models: object[] }
  expect(models).toContainEqual({ name: 'versioned', version: '2', state: 'READY', reason: '' })
})

test.each([
  ['a character that is cut in two', `a${'😀'.repeat(600)}`],
  ['a name that is longer than a trailer', 'é'.repeat(20_000)],
])('an answer that quotes %s arrives, and so does the next', async (_, name) => {
  const inputs = [{ ...x, name }]
  const refused = await client.call('ModelInfer', { ...tiny, inputs })
  expect(refused).toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(await client.call('Check', { service: name })).toMatchObject({ code: 'NOT_FOUND' })
  expect(await client.call('Check', { service: '' })).toMatchObject({ code: 'OK' })
})

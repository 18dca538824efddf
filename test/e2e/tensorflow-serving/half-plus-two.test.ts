import { gunzipSync, gzipSync } from 'node:zlib'

import { beforeAll, describe, expect, test } from 'vitest'

import { send } from '../../support/exact-http.ts'
import { fixture } from '../../support/registry.ts'
import { startServer, type TestServer } from '../../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer(fixture('tensorflow-serving'), { flags: ['--engines', '1'] })
})

const MODEL = '/v1/models/half_plus_two'

async function get(path: string) {
  const { status, body } = await send(server.url, { method: 'GET', path })
  return { status, body: JSON.parse(body.toString()) as unknown }
}

async function post(verb: string, body: object | string, place = MODEL) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await send(server.url, { path: `${place}:${verb}`, body: text })
  return { status: answer.status, text: answer.body.toString() }
}

describe('predict', () => {
  test.each([
    ['rows', { instances: [[1], [2], [5]] }, '{"predictions":[[2.5],[3.0],[4.5]]}'],
    ['rows without their brackets', { instances: [1, 2, 5] }, '{"predictions":[2.5,3.0,4.5]}'],
    ['named ones', { instances: [{ x: 1 }, { x: 2 }] }, '{"predictions":[2.5,3.0]}'],
    ['columns without theirs', { inputs: [1, 2] }, '{"outputs":[2.5,3.0]}'],
    ['named rows', { instances: [{ x: [1] }, { x: [2] }] }, '{"predictions":[[2.5],[3.0]]}'],
    ['columns', { inputs: [[1], [2]] }, '{"outputs":[[2.5],[3.0]]}'],
    ['named columns', { inputs: { x: [[0.2]] } }, '{"outputs":[[2.1]]}'],
    [
      'a signature that is named, after the values',
      { inputs: [[1]], signature_name: 'serving_default' },
      '{"outputs":[[2.5]]}',
    ],
    [
      'another signature',
      { signature_name: 'regress_x2_to_y3', instances: [[1]] },
      '{"predictions":[[3.5]]}',
    ],
  ])('answers %s', async (_what, body, expected) => {
    expect(await post('predict', body)).toEqual({ status: 200, text: expected })
  })

  test('reads and writes what JSON has no numbers for', async () => {
    const { text } = await post('predict', '{"instances":[[NaN],[Infinity],[-Infinity]]}')
    expect(text).toBe('{"predictions":[[NaN],[Infinity],[-Infinity]]}')
  })

  test.each([`${MODEL}/versions/123`, `${MODEL}/versions/00123`, `${MODEL}/labels/stable`])(
    'asks %s',
    async (place) => {
      expect((await post('predict', { instances: [[1]] }, place)).status).toBe(200)
    },
  )

  test('takes and gives gzip', async () => {
    const { headers, body } = await send(server.url, {
      path: `${MODEL}:predict`,
      headers: { 'content-encoding': 'gzip', 'accept-encoding': 'gzip' },
      body: gzipSync('{"instances":[[1]]}'),
    })
    expect(headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(body).toString()).toBe('{"predictions":[[2.5]]}')
  })

  test.each([
    ['neither form', {}, /either 'instances' or 'inputs'/],
    ['both forms', { instances: [[1]], inputs: [[1]] }, /either 'instances' or 'inputs'/],
    ['no rows', { instances: [] }, /'instances' is empty/],
    ['rows that are none', { instances: 1 }, /'instances' must be an array/],
    ['rows of different shapes', { instances: [[1], [1, 2]] }, /has the shape \[2\], those before/],
    ['lists of different lengths', { inputs: [[1], [1, 2]] }, /lists differ in length/],
    ['a string for a number', { instances: [['1']] }, /input x: element 0 is not a number/],
    ['another name', { instances: [{ z: [1] }] }, /there is no input z; the model takes x/],
    ['a name twice', '{"instances":[{"x":[1],"x":[2]}]}', /has x twice/],
    ['a missing name', { instances: [{ x: [1] }, {}] }, /instances\[1\] has no x/],
    ['a wrong size', { instances: [[1, 2]] }, /x: float32\[\?, 1\] was given as float32\[1, 2\]/],
    ['a wrong rank', { instances: [[[1]], [[2]]] }, /was given as float32\[2, 1, 1\]/],
    [
      'an unknown signature',
      { signature_name: 'z', instances: [[1]] },
      /no signature z; the model/,
    ],
    [
      'a signature that is no name',
      { signature_name: 5, instances: [[1]] },
      /^'signature_name' must be a string$/,
    ],
    ['a list', [1], /^the request must be a JSON object$/],
    ['broken JSON', '{"instances":[[1]', /JSON is malformed/],
    ['base64 for a number', { instances: [{ b64: 'AA==' }] }, /is not a number/],
  ])('refuses %s', async (_what, body, sentence) => {
    const { status, text } = await post('predict', body)
    const { error } = JSON.parse(text) as { error: string }
    expect(error).toMatch(sentence)
    expect(status).toBe(400)
  })
})

describe('examples', () => {
  test('are classified, as TensorFlow Serving documents it', async () => {
    const body = { signature_name: 'classify_x_to_y', examples: [{ x: 1.5 }, { x: [2.5] }] }
    expect(await post('classify', body)).toEqual({
      status: 200,
      text: '{"results":[[["",2.75]],[["",3.25]]]}',
    })
  })

  test('are regressed, with features of a context', async () => {
    const body = '{"signature_name":"regress_x_to_y","context":{"x":0.5},"examples":[{"x":1.0},{}]}'
    expect(await post('regress', body)).toEqual({ status: 200, text: '{"results":[2.5,2.25]}' })
  })

  test('go to a signature of plain tensors by the names of its inputs', async () => {
    const body = { signature_name: 'regress_x2_to_y3', examples: [{ inputs: [1.5] }] }
    expect(await post('regress', body)).toEqual({ status: 200, text: '{"results":[3.75]}' })
  })

  test.each<[string, object | string, RegExp]>([
    ['none', {}, /must have 'examples'/],
    ['an empty list', { examples: [] }, /'examples' is empty/],
    ['no object', { examples: [1] }, /examples\[0\] must be an object/],
    ['a mixture', '{"examples":[{"x":[1,1.5]}]}', /mixes integers, floats/],
    ['null', { examples: [{ x: null }] }, /holds null/],
    ['base64 of a number', { examples: [{ x: { b64: 5 } }] }, /must be {"b64": "…"}, in base64/],
    ['a list of lists', { examples: [{ x: [[1]] }] }, /list of lists/],
    ['millions of values', `{"examples":[{"x":[${'1,'.repeat(250_000)}1]}]}`, /more than 250000/],
    [
      'a context that many examples multiply',
      `{"context":{"x":[${'1,'.repeat(999)}1]},"examples":[${'{},'.repeat(999)}{}]}`,
      /more than 250000/,
    ],
    ['an integer beyond int64', '{"examples":[{"x":9223372036854775808}]}', /range of int64/],
  ])('are refused: %s', async (_what, body, sentence) => {
    const { status, text } = await post('classify', body)
    expect((JSON.parse(text) as { error: string }).error).toMatch(sentence)
    expect(status).toBe(400)
  })
})

describe('what the model cannot parse is the mistake of the client', () => {
  const given = { signature_name: 'regress_x_to_y' }
  test.each([
    ['regress', { ...given, examples: [{ x: 1 }] }, "Data types don't match"],
    ['regress', { ...given, examples: [{ z: 1.5 }] }, 'Feature: x (data type: float) is required'],
    ['regress', { ...given, examples: [{ x: [1.5, 2.5] }] }, 'Number of float values != expected'],
    ['predict', { ...given, instances: ['abc'] }, 'Could not parse example input'],
  ])('%s %j', async (verb, body, what) => {
    const { status, text } = await post(verb, body)
    expect((JSON.parse(text) as { error: string }).error).toMatch(
      /^input \w+ is not what the model parses: /,
    )
    expect(text).toContain(what)
    expect(status).toBe(400)
  })
})

test.each(['foo', 'predict:predict', ''])('there is no verb "%s"', async (verb) => {
  const { status, text } = await post(verb, { instances: [[1]] })
  expect([status, text]).toEqual([404, expect.stringContaining('ROUTE_NOT_FOUND')])
})

describe('what is served', () => {
  const available = {
    model_version_status: [
      { version: '123', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } },
    ],
  }

  test.each([MODEL, `${MODEL}/versions/123`, `${MODEL}/labels/stable`])(
    'has the status of %s',
    async (path) => {
      expect(await get(path)).toEqual({ status: 200, body: available })
    },
  )

  test('has its signatures', async () => {
    const { body } = await get(`${MODEL}/metadata`)
    expect(body).toMatchObject({
      model_spec: { name: 'half_plus_two', signature_name: '', version: '123' },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: {
                x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: '-1' }, { size: '1' }] } },
              },
            },
            classify_x_to_y: { inputs: { inputs: { dtype: 'DT_STRING' } } },
          },
        },
      },
    })
  })

  test.each([
    ['/v1/models/nope', 404],
    [`${MODEL}/versions/9`, 404],
    [`${MODEL}/labels/canary`, 400],
    ['/v1/models/nope/metadata', 404],
    [`${MODEL}/nonsense`, 404],
  ])('is not %s', async (path, status) => {
    const answer = await get(path)
    expect(answer).toEqual({
      status,
      body: { error: expect.any(String) as string, code: expect.any(String) as string },
    })
  })
})

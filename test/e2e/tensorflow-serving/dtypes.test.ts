import { beforeAll, expect, test } from 'vitest'

import { send } from '../../support/exact-http.ts'
import { fixture } from '../../support/registry.ts'
import { startServer, type TestServer } from '../../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer(fixture('v2/models'), { flags: ['--engines', '1'] })
})

async function predict(model: string, body: string) {
  const answer = await send(server.url, { path: `/v1/models/${model}:predict`, body })
  return [answer.status, answer.body.toString()]
}

test.each([
  ['identity_bool', '[[true,false]]'],
  ['identity_int8', '[[-128,127]]'],
  ['identity_uint8', '[[0,255]]'],
  ['identity_int16', '[[-32768,32767]]'],
  ['identity_uint16', '[[0,65535]]'],
  ['identity_int32', '[[-2147483648],[2147483647]]'],
  ['identity_uint32', '[[4294967295]]'],
  ['identity_int64', '[[-9223372036854775808,9223372036854775807]]'],
  ['identity_uint64', '[[18446744073709551615]]'],
  ['identity_fp32', '[[0.1,-0.0,3.40282347e+38],[1.0,0.333333343,NaN]]'],
  ['identity_fp64', '[[0.1,0.3333333333333333,5e-324]]'],
  ['identity_bytes', '[["a","é\\n",""]]'],
])('%s gives back what it takes', async (model, rows) => {
  expect(await predict(model, `{"instances":${rows}}`)).toEqual([200, `{"predictions":${rows}}`])
  expect(await predict(model, `{"inputs":${rows}}`)).toEqual([200, `{"outputs":${rows}}`])
})

test('strings may come as base64', async () => {
  expect(await predict('identity_bytes', '{"instances":[[{"b64":"aGk="},"there"]]}')).toEqual([
    200,
    '{"predictions":[["hi","there"]]}',
  ])
  expect(await predict('identity_bytes', '{"instances":[[{"b64":"aGk"},{"b64":""}]]}')).toEqual([
    200,
    '{"predictions":[["hi",""]]}',
  ])
})

test.each(['a?=', 'a', 'aGkgd', 'aGk==', '=', 'aGkgdGhlcmU=aGk='])('"%s" is not', async (text) => {
  const answer = await predict('identity_bytes', `{"instances":[[{"b64":"${text}"}]]}`)
  expect(answer).toEqual([400, expect.stringContaining('in base64')])
})

test('several inputs and outputs are objects', async () => {
  const row = (values: number[]) => JSON.stringify(values)
  const a = Array.from({ length: 16 }, (_, i) => i)
  const b = a.map(() => 1)
  const [sum, difference] = [a.map((v) => v + 1), a.map((v) => v - 1)]
  const inputs = `{"INPUT0":${row(a)},"INPUT1":${row(b)}}`
  const outputs = `{"OUTPUT0":${row(sum)},"OUTPUT1":${row(difference)}}`
  expect(await predict('simple', `{"instances":[${inputs},${inputs}]}`)).toEqual([
    200,
    `{"predictions":[${outputs},${outputs}]}`,
  ])
  const [status, text] = await predict('simple', `{"instances":[${row(a)}]}`)
  expect([status, text]).toEqual([400, expect.stringContaining('objects of named inputs')])
})

test('scores are classified with the labels', async () => {
  const x = [0.5, 0, 0, 0, 0, 0, 0, 0, 0, 1]
  const { body } = await send(server.url, {
    path: '/v1/models/classifier:classify',
    body: `{"examples":[{"INPUT0":[${x.map((v) => v.toFixed(1)).join(',')}]}]}`,
  })
  const { results } = JSON.parse(body.toString()) as { results: [string, number][][] }
  expect(results[0]).toHaveLength(10)
  expect(results[0]?.at(0)).toEqual(['label_a', 0.5])
  expect(results[0]?.at(9)).toEqual(['label_j', 1])
})

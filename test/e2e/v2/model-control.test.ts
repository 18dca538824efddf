import { afterAll, beforeAll, expect, test } from 'vitest'

import { registryWith } from '../../support/registry.ts'
import { startServer, type TestServer, waitFor } from '../../support/server.ts'

const registry = registryWith(['m', 1, 'class-1'])
let server: TestServer
beforeAll(async () => {
  server = await startServer(registry.dir, { flags: ['--request-timeout-ms', '20000'] })
})
afterAll(() => server.stop())

async function control(model: string, verb: 'load' | 'unload', sent = '{}') {
  const url = `${server.url}/v2/repository/models/${model}/${verb}`
  const answer = await fetch(url, { method: 'POST', body: sent })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

test('what serves is loaded already, and so is what nobody has unloaded', async () => {
  expect(await control('m', 'load')).toEqual({ status: 200, body: {} })
  expect(await control('none', 'unload')).toEqual({ status: 200, body: {} })
})

test('what the registry has got meanwhile infers when the answer comes', async () => {
  registry.add('new', 1, 'class-2')
  expect(await control('new', 'load')).toEqual({ status: 200, body: {} })
  expect((await fetch(`${server.url}/v2/models/new/ready`)).status).toBe(200)
})

test('what it does not hold, and what cannot be served, is refused with the reason', async () => {
  expect(await control('none', 'load')).toEqual({
    status: 404,
    body: { error: 'the registry holds no version of none', code: 'MODEL_NOT_FOUND' },
  })
  registry.add('broken', 3, 'class-1', { schema: 'cutover/manifest/v1', format: 'onnx', files: [] })
  const { status, body } = await control('broken', 'load')
  expect(status).toBe(503)
  expect(body['error']).toMatch(/^version 3: /)
})

test.each([
  ['/v2/models/broken/infer', '{}'],
  ['/v2/models/broken/versions/3/infer', '{}'],
  ['/v2/models/broken', undefined],
  ['/v1/models/broken:predict', '{}'],
  ['/v1/models/broken/metadata', undefined],
  ['/models/broken/predict', '{}'],
])('%s says why it is not ready, where it could be', async (path, sent) => {
  const headers = { 'content-type': 'application/json' }
  const init = sent === undefined ? {} : { method: 'POST', body: sent, headers }
  const answer = await fetch(server.url + path, init)
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
  expect(await answer.json()).toEqual({
    error: expect.stringMatching(/^broken is not served: version 3: /),
    code: 'MODEL_NOT_READY',
  })
  expect((await fetch(server.url + path.replace('broken', 'none'), init)).status).toBe(404)
})

test.each([
  ['{"parameters":{"config":"{}"}}', 'load has no parameter config: the files'],
  ['{"parameters":{"file:1/model.onnx":"QQ=="}}', 'load has no parameter file:1/model.onnx: '],
  ['{"parameters":5}', 'the body must be empty or a JSON object whose `parameters` are an object'],
  ['[', 'the body must be empty or a JSON object whose `parameters` are an object'],
])('nobody loads what a request brings along: %s', async (sent, sentence) => {
  const { status, body } = await control('m', 'load', sent)
  expect([status, body]).toEqual([
    400,
    { error: expect.stringContaining(sentence) as string, code: 'REQUEST_INVALID' },
  ])
})

test('what a client says of dependents when it unloads is no error', async () => {
  const sent = '{"parameters":{"unload_dependents":false}}'
  expect(await control('none', 'unload', sent)).toEqual({ status: 200, body: {} })
})

test('what is there is not unloaded by a request', async () => {
  const { status, body } = await control('m', 'unload')
  expect(status).toBe(503)
  expect(body).toMatchObject({ code: 'MODEL_CONTROL_REFUSED' })
  expect((await fetch(`${server.url}/v2/models/m/ready`)).status).toBe(200)
})

test('so many loads wait at a time, and not for clients that are gone', async () => {
  const missing = { path: 'model.onnx.data', size: 1, sha256: '0'.repeat(64) }
  registry.add('coming', 1, 'class-1', {
    schema: 'cutover/manifest/v1',
    format: 'onnx',
    files: [missing],
  })
  const leaving = new AbortController()
  const statuses: number[] = []
  const waiting = Array.from({ length: 65 }, async () => {
    const url = `${server.url}/v2/repository/models/coming/load`
    const answer = await fetch(url, { method: 'POST', signal: leaving.signal })
    statuses.push(answer.status)
  })
  const ended = Promise.allSettled(waiting)
  await waitFor(() => statuses.length > 0, 'the one that is too many')
  expect(statuses).toEqual([429])
  leaving.abort()
  await ended
  await waitFor(async () => (await control('m', 'load')).status === 200, 'room for another')
})

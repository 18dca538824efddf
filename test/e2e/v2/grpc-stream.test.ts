import { Buffer } from 'node:buffer'
import { once } from 'node:events'

import type { ServiceError } from '@grpc/grpc-js'
import { beforeAll, expect, test } from 'vitest'

import { GrpcClient, type InferMessage, type StreamAnswer } from '../../support/grpc.ts'
import { fixture } from '../../support/registry.ts'
import { startServer, type TestServer, waitFor } from '../../support/server.ts'

let server: TestServer
let client: GrpcClient
beforeAll(async () => {
  server = await startServer(fixture('v2/models/tiny'), {
    flags: ['--engines', '1', '--grpc-port', '0'],
  })
  client = new GrpcClient(server.grpcAddress)
})

function request(id: string, value = 1, batch = 1): InferMessage {
  return {
    model_name: 'tiny',
    id,
    inputs: [{ name: 'x', datatype: 'FP32', shape: [batch, 4] }],
    raw_input_contents: [Buffer.from(new Float32Array(4).fill(value).buffer)],
  }
}

/** Sends all at once, says that it is done, and collects the answers until the server is, too. */
async function streamed(requests: readonly object[]): Promise<StreamAnswer[]> {
  const stream = client.stream()
  const answers: StreamAnswer[] = []
  stream.on('data', (answer: StreamAnswer) => answers.push(answer))
  for (const each of requests) stream.write(each)
  stream.end()
  await once(stream, 'end')
  return answers
}

test('answers come in order, each with its own tensors, more of them than run at a time', async () => {
  const count = 200
  const answers = await streamed(
    Array.from({ length: count }, (_, i) => request(String(i), i % 5, 1)),
  )
  expect(answers.map(({ infer_response: response }) => response?.id)).toEqual(
    Array.from({ length: count }, (_, i) => String(i)),
  )
  for (const i of [0, 4, 137]) {
    const unary = await client.infer(request('', i % 5))
    expect(answers[i]?.infer_response?.raw_output_contents).toEqual(unary.raw_output_contents)
  }
  expect(answers[0]?.infer_response?.parameters).toEqual({
    triton_final_response: { bool_param: true },
  })
})

test('a request that fails is answered with a message, and the stream goes on', async () => {
  const answers = await streamed([
    request('a'),
    request('b', 1, 2),
    { ...request('c'), model_name: 'nope' },
    request('d'),
  ])
  expect(answers.map((answer) => answer.error_message ?? '')).toEqual([
    '',
    expect.stringContaining('input x: float32[2, 4] is 32 bytes, not 16'),
    expect.stringContaining('there is no model nope'),
    '',
  ])
  expect(answers.map(({ infer_response: response }) => response?.id)).toEqual(['a', 'b', 'c', 'd'])
})

test('a stream without requests ends as it began', async () => {
  expect(await streamed([])).toEqual([])
})

test('many streams, each with all the requests it may have, are nothing to warn of', async () => {
  const count = 40
  const streams = Array.from({ length: 12 }, () =>
    streamed(Array.from({ length: count }, (_, i) => request(String(i)))),
  )
  for (const answers of await Promise.all(streams)) {
    expect(answers.map(({ error_message: error }) => error ?? '')).toEqual(
      Array.from({ length: count }, () => ''),
    )
  }
  expect(server.stderr).not.toContain('Warning')
})

test('what a client that goes away has asked is given up', async () => {
  const [engine = -1] = server.enginePids()
  const labels = { protocol: 'v2-grpc', outcome: 'REQUEST_ABORTED' }
  process.kill(engine, 'SIGSTOP')
  try {
    const stream = client.stream()
    const failed = once(stream, 'error')
    stream.write(request('a'))
    stream.write(request('b'))
    await waitFor(
      async () => (await server.metric('cutover_inflight_requests')) > 0,
      'the requests to arrive',
    )
    stream.cancel()
    expect(((await failed) as [ServiceError])[0].details).toContain('ancelled')
    await waitFor(
      async () => (await server.metric('cutover_requests_total', labels)) === 2,
      'the requests to be given up',
    )
  } finally {
    process.kill(engine, 'SIGCONT')
  }
})

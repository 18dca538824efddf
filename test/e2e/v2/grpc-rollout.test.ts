import { Buffer } from 'node:buffer'

import { expect, test } from 'vitest'

import { GrpcClient, type GrpcTensor } from '../../support/grpc.ts'
import { registryWith } from '../../support/registry.ts'
import { startServer, waitFor } from '../../support/server.ts'

const POLICY = {
  rollout: {
    strategy: 'canary',
    stickiness: { header: 'x-user-id' },
    steps: [{ weight: 50, minRequests: 1_000_000, minDuration: '1h' }],
  },
}

test('a canary takes its share of the calls, and a user stays on one version', async () => {
  const registry = registryWith(['m', 1, 'class-1'])
  registry.setPolicy('m', POLICY)
  const server = await startServer(registry.dir, { flags: ['--grpc-port', '0'] })
  const client = new GrpcClient(server.grpcAddress)
  const { response } = await client.call('ModelMetadata', { name: 'm' })
  const [input] = (response as { inputs: GrpcTensor[] }).inputs
  const shape = (input?.shape ?? []).map((size) => Math.abs(Number(size)))
  const elements = shape.reduce((product, size) => product * size, 1)
  const request = {
    model_name: 'm',
    inputs: [{ ...input, shape }],
    raw_input_contents: [Buffer.alloc(4 * elements)],
  }
  registry.add('m', 2, 'class-2')
  await waitFor(() => server.events('rollout.step').length > 0, 'the canary')

  const ask = async (user: number) => {
    const metadata = { 'x-user-id': `user ${user}` }
    const answer = await client.call('ModelInfer', request, { metadata })
    expect(answer.code, answer.details).toBe('OK')
    const { model_version: version } = answer.response as { model_version: string }
    // The usual answer says nothing of its track.
    return { version, track: answer.metadata.getMap()['x-model-track'] }
  }
  const users = Array.from({ length: 40 }, (_, user) => user)
  const first = await Promise.all(users.map(ask))
  expect(await Promise.all(users.map(ask))).toEqual(first)
  expect(first).toContainEqual({ version: '1', track: undefined })
  expect(first).toContainEqual({ version: '2', track: 'canary' })
  const labels = { protocol: 'v2-grpc', track: 'canary', outcome: 'ok' }
  expect(await server.metric('cutover_requests_total', labels)).toBeGreaterThan(0)
})

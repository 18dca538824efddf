import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'

import { beforeAll, expect, test } from 'vitest'

import { GrpcClient } from '../../support/grpc.ts'
import { fixture } from '../../support/registry.ts'
import { startServer, type TestServer } from '../../support/server.ts'

const CALLS = 2_000
const TOGETHER = 16

let server: TestServer
let client: GrpcClient
beforeAll(async () => {
  server = await startServer(fixture('v2/models'), {
    flags: ['--engines', '1', '--grpc-port', '0'],
  })
  client = new GrpcClient(server.grpcAddress)
})

/** Park and Miller's generator: a failure can be run again. */
let state = 20_261
function below(count: number): number {
  state = (state * 48_271) % 2_147_483_647
  return Math.floor((state / 2_147_483_647) * count)
}

const recorded = JSON.parse(readFileSync(fixture('v2/grpc.json'), 'utf8')) as readonly {
  readonly rpc: string
  readonly request_base64: string
}[]
const messages = recorded
  .filter(({ rpc }) => rpc === 'ModelInfer')
  .map(({ request_base64: bytes }) => Buffer.from(bytes, 'base64'))

/** A recorded request of which a few bytes are others, are missing, or stand in twice. */
function damaged(): Buffer {
  const bytes = Buffer.from(messages[below(messages.length)] ?? '')
  for (let i = below(3); i >= 0; i--) bytes[below(bytes.length)] = below(256)
  const at = below(bytes.length)
  if (below(4) === 0) return bytes.subarray(0, at)
  if (below(4) === 0) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(below(at))])
  return bytes
}

test('whatever is sent is answered, and never as a fault of the server', async () => {
  const codes = new Map<string, number>()
  const worker = async () => {
    for (let i = 0; i < CALLS / TOGETHER; i++) {
      const message = damaged()
      const { code, details } = await client.call('ModelInfer', message)
      codes.set(code, (codes.get(code) ?? 0) + 1)
      const sent = `${message.toString('base64')}: ${code} ${details}`
      expect(['OK', 'INVALID_ARGUMENT', 'NOT_FOUND'], sent).toContain(code)
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, worker))
  expect(codes.get('OK')).toBeGreaterThan(50)
  expect(codes.get('INVALID_ARGUMENT')).toBeGreaterThan(50)
  expect(server.events('engine.ended')).toEqual([])
})

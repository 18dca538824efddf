import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'

import { beforeAll, describe, expect, test } from 'vitest'

import { GrpcClient } from '../../support/grpc.ts'
import { fixture } from '../../support/registry.ts'
import { startServer } from '../../support/server.ts'

/** A call and what a real Triton answered (test/fixtures/v2/vectors/index.json). */
interface Vector {
  readonly id: string
  readonly rpc: string
  readonly request: { readonly model_name?: string }
  readonly request_base64: string
  readonly code: string
  readonly response?: object
  readonly server_specific?: boolean
}

/** Models that only Triton had: one that fails, one that answers several times, an echo. */
const ITS_OWN_MODELS = new Set(['failing', 'repeat', 'echo_params'])

/** Where a better answer exists than the recorded one: docs/protocols.md gives the reasons. */
const OTHERWISE: Readonly<Record<string, string>> = {
  // More raw data than inputs is a mistake of the client's.
  'grpc.raw-count-more': 'INVALID_ARGUMENT',
  // There is no bound on a batch but that of the message.
  'grpc.batch-beyond': 'OK',
  // What is loaded is what the registry holds.
  'grpc.load-unknown': 'NOT_FOUND',
  // Fewer settings than Triton has.
  'grpc.trace-get': 'OK',
}

const vectors = (
  JSON.parse(readFileSync(fixture('v2/grpc.json'), 'utf8')) as readonly Vector[]
).filter(({ request }) => !ITS_OWN_MODELS.has(request.model_name ?? ''))

let client: GrpcClient
beforeAll(async () => {
  const server = await startServer(fixture('v2/models'), {
    flags: ['--engines', '1', '--versions-loaded-max', '3', '--grpc-port', '0'],
  })
  client = new GrpcClient(server.grpcAddress)
})

describe('what a real Triton answered', () => {
  test.each(vectors.map((vector) => [vector.id, vector] as const))('%s', async (id, vector) => {
    const { code, details, response } = await client.call(
      vector.rpc,
      Buffer.from(vector.request_base64, 'base64'),
    )
    expect(code, details).toBe(OTHERWISE[id] ?? vector.code)
    if (code !== 'OK') expect(details).toMatch(/^.{10,}$/)
    if (code !== 'OK' || id in OTHERWISE || vector.server_specific === true) return
    expect({ ...asJson(response), platform: undefined }).toEqual({
      ...vector.response,
      platform: undefined,
    })
  })
})

/** As the vectors have it: bytes in base64, and nothing where a bool is false. */
function asJson(response: unknown): object {
  return JSON.parse(
    JSON.stringify(response, (_key, value: unknown) =>
      typeof value === 'object' && value !== null && 'type' in value && 'data' in value
        ? Buffer.from(value.data as number[]).toString('base64')
        : value === false
          ? undefined
          : value,
    ),
  ) as object
}

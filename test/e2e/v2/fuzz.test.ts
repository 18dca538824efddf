import { Buffer } from 'node:buffer'

import { beforeAll, expect, test } from 'vitest'

import { residentBytes } from '../../../src/lib/resident-bytes.ts'
import { send } from '../../support/exact-http.ts'
import { fixture } from '../../support/registry.ts'
import { startServer, type TestServer } from '../../support/server.ts'

/** More of them say more: CUTOVER_TEST_FUZZ=100000 takes ten minutes. */
const REQUESTS = Number(process.env['CUTOVER_TEST_FUZZ'] ?? 4_000)
const TOGETHER = 16
/** The server's memory may grow by this from a fifth of the requests to the last. */
const GROWTH_BYTES_MAX = 40e6

let server: TestServer
beforeAll(async () => {
  server = await startServer(fixture('v2/models'), { flags: ['--engines', '1'] })
})

/** Park and Miller's generator: a failure can be run again. */
let state = 20_260
function random(): number {
  state = (state * 48_271) % 2_147_483_647
  return state / 2_147_483_647
}
const below = (count: number) => Math.floor(random() * count)
const oneOf = <T>(values: readonly [T, ...T[]]): T => values[below(values.length)] ?? values[0]

const STRANGE: readonly [unknown, ...unknown[]] = [
  null,
  true,
  -1,
  1.5,
  2 ** 64,
  1e308,
  '',
  '\0',
  'FP32',
  'BYTES',
  [],
  {},
  [[]],
  [1e9, 1e9],
  [0],
  { b64: 'AA==' },
  { b64: 3 },
]

const REQUEST_BODIES = {
  infer: {
    id: 'a',
    inputs: [{ name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }],
    outputs: [{ name: 'y', parameters: { classification: 1, binary_data: true } }],
    parameters: { binary_data_output: true },
  },
  predict: { instances: [{ x: [1, 2, 3, 4] }], signature_name: 'serving_default' },
  classify: { examples: [{ x: [1.5, 2.5, 3.5, 4.5] }], context: {} },
}

function mutated(value: unknown): unknown {
  if (random() < 0.03) return oneOf(STRANGE)
  if (Array.isArray(value)) {
    return random() < 0.03 ? [...value.map(mutated), oneOf(STRANGE)] : value.map(mutated)
  }
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(() => random() > 0.02)
  return Object.fromEntries(kept.map(([key, each]) => [key, mutated(each)]))
}

function damaged(text: Buffer): Buffer {
  const bytes = Buffer.from(text)
  if (random() < 0.3) return bytes.subarray(0, below(bytes.length + 1))
  for (let i = 0; i < 3; i++) {
    if (bytes.length > 0)
      bytes[below(bytes.length)] = oneOf([0x22, 0x5b, 0x7d, 0x2d, 0xff, 0, 0x39])
  }
  return bytes
}

function request() {
  const verb = oneOf(['infer', 'predict', 'classify'] as const)
  const model = oneOf(['tiny', 'identity_bytes', 'identity_int64', 'simple', 'classifier'])
  const text = Buffer.from(JSON.stringify(mutated(REQUEST_BODIES[verb])))
  const body = random() < 0.3 ? damaged(text) : text
  const lengths = ['0', '-1', '5', '999999', '1e3', String(body.length)] as const
  return {
    path: verb === 'infer' ? `/v2/models/${model}/infer` : `/v1/models/${model}:${verb}`,
    headers:
      random() < 0.1 ? { 'inference-header-content-length': oneOf(lengths) } : { accept: '*/*' },
    body,
  }
}

test(
  'whatever is sent is answered, and never as a fault of the server',
  async () => {
    const statuses = new Map<number, number>()
    let answered = 0
    let rssWarm = 0
    const worker = async () => {
      for (let i = 0; i < REQUESTS / TOGETHER; i++) {
        const asked = request()
        const { status, body } = await send(server.url, asked)
        if (++answered === Math.floor(REQUESTS / 5)) rssWarm = residentBytes(server.pid)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        expect(status, `${asked.path} ${asked.body.toString()}\n${body.toString()}`).toBeLessThan(
          500,
        )
        if (status !== 200) expect(JSON.parse(body.toString())).toHaveProperty('error')
      }
    }
    await Promise.all(Array.from({ length: TOGETHER }, worker))
    expect(statuses.get(200)).toBeGreaterThan(100)
    expect(statuses.get(400)).toBeGreaterThan(100)
    expect(server.events('engine.ended')).toEqual([])
    const rss = residentBytes(server.pid)
    console.log(
      `${answered} requests: ${mb(rssWarm)} after a fifth, ${mb(rss)} at the end`,
      statuses,
    )
    expect(rss - rssWarm).toBeLessThan(GROWTH_BYTES_MAX)
  },
  120_000 + REQUESTS * 20,
)

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}

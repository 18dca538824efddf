import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

import { describe, expect, test } from 'vitest'

import { predict } from '../support/client.ts'
import { bright, dark } from '../support/images.ts'
import { startLoad } from '../support/load.ts'
import { fixture, registryWith } from '../support/registry.ts'
import { startServer, type TestServer, waitFor } from '../support/server.ts'

const ONE_AT_A_TIME = ['--engines', '1', '--inflight-per-engine-max', '1']

async function enginesBack(server: TestServer, count: number): Promise<void> {
  await waitFor(
    async () => (await server.metric('cutover_engines_ready')) === count,
    `${count} engines to be up again`,
  )
}

test('engines killed at random under load: no request fails, each kill is counted', async () => {
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir)
  const load = startLoad(server.url, dark, 8)
  const kills = 12
  for (let kill = 0; kill < kills; kill++) {
    await sleep(60)
    const pids = await waitFor(() => {
      const alive = server.enginePids()
      return alive.length > 0 && alive
    }, 'an engine to kill')
    process.kill(pids[kill % pids.length] ?? -1, 'SIGKILL')
    const labels = { model: 'm', cause: 'crashed' }
    await waitFor(
      async () => (await server.metric('cutover_engine_restarts_total', labels)) === kill + 1,
      `kill ${kill + 1} to be counted`,
    )
    await enginesBack(server, 2)
  }
  const { failures, answers } = await load.stop()
  expect(failures).toEqual([])
  expect(answers).toBeGreaterThan(kills)
  expect(await server.metric('cutover_poison_requests_total')).toBe(0)
})

test('a crash with a single engine: the request waits for the next process', async () => {
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir, {
    flags: ['--engines', '1'],
  })
  const load = startLoad(server.url, dark, 4)
  await sleep(200)
  process.kill(server.enginePids()[0] ?? -1, 'SIGKILL')
  await enginesBack(server, 1)
  const { failures } = await load.stop()
  expect(failures).toEqual([])
})

test('a request whose processes others kill is run a third time, and no more', async () => {
  const server = await startServer(registryWith(['m', 1, 'hang']).dir, { flags: ONE_AT_A_TIME })
  const hung = predict(server.url, bright)
  for (const kills of [1, 2, 3]) {
    await waitFor(
      async () => (await server.metric('cutover_inflight_requests')) === 1,
      'the request to be in an engine',
    )
    await sleep(200)
    process.kill(server.enginePids()[0] ?? -1, 'SIGKILL')
    await waitFor(
      async () => (await server.metric('cutover_engine_restarts_total')) === kills,
      `kill ${kills} to be counted`,
    )
    await enginesBack(server, 1)
  }
  const { status, body } = await hung
  expect([status, body.code]).toEqual([500, 'ENGINE_CRASHED'])
  expect(body.error).toMatch(/ended 3 engine processes; .*SIGKILL/)
  expect(await server.metric('cutover_request_retries_total')).toBe(2)
  expect(await server.metric('cutover_poison_requests_total')).toBe(1)
})

test('a request that a version is unloaded under accuses nobody', async () => {
  const registry = registryWith(['m', 1, 'hang'])
  const server = await startServer(registry.dir, {
    flags: [...ONE_AT_A_TIME, '--drain-timeout-ms', '500'],
  })
  const hung = predict(server.url, bright)
  await waitFor(
    async () => (await server.metric('cutover_inflight_requests')) === 1,
    'the request to be in an engine',
  )
  process.kill(server.enginePids()[0] ?? -1, 'SIGKILL')
  await waitFor(
    async () =>
      (await server.metric('cutover_request_retries_total')) === 1 &&
      (await server.metric('cutover_inflight_requests')) === 1,
    'the request to be in another',
  )
  registry.add('m', 2, 'class-2')
  const { status, body } = await hung
  expect([status, body.code]).toEqual([503, 'MODEL_NOT_READY'])
  expect(await server.metric('cutover_poison_requests_total')).toBe(0)
})

describe.each([
  ['hangs', 'hang', 'timeout', 504, 'ENGINE_TIMEOUT', ['--run-timeout-ms', '4000']],
  [
    'exhausts its memory',
    'hog',
    'memory',
    500,
    'ENGINE_CRASHED',
    ['--engine-memory-bytes-max', '700MB'],
  ],
] as const)('a model that %s', (_, network, cause, status, code, flags) => {
  test('costs its own request two processes and the others nothing', async () => {
    const server = await startServer(registryWith(['m', 1, network]).dir, {
      flags: ['--engines', '3', ...flags],
    })
    const load = startLoad(server.url, dark, 6)
    const { status: given, body } = await predict(server.url, bright)
    expect([given, body.code]).toEqual([status, code])
    expect(body.error).toContain('ended 2 engine processes')
    expect((await fetch(`${server.url}/healthz/live`)).status).toBe(200)
    await enginesBack(server, 3)
    const { failures } = await load.stop()
    expect(failures).toEqual([])
    expect(await server.metric('cutover_engine_restarts_total', { cause })).toBe(2)
    expect(await server.metric('cutover_poison_requests_total', { model: 'm' })).toBe(1)
  })
})

// A machine that halts for longer than a run has left makes the run hang.
test(
  'requests that wait for slow ones in an engine do not count as hung',
  { retry: 2 },
  async () => {
    const preload = pathToFileURL(fixture('slow-runs.mjs')).href
    const server = await startServer(registryWith(['m', 1, 'class-1']).dir, {
      flags: ['--engines', '1', '--threads-alone', '0', '--run-timeout-ms', '8000'],
      env: { NODE_OPTIONS: `--import=${preload}` },
    })
    const answers = await Promise.all([dark, dark, dark].map((image) => predict(server.url, image)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await server.metric('cutover_engine_restarts_total')).toBe(0)
  },
)

test('an image that kills a decoder costs its own request and nobody else', async () => {
  const preload = pathToFileURL(fixture('crashing-decoder.mjs')).href
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir, {
    flags: ['--engines', '3'],
    env: { NODE_OPTIONS: `--import=${preload}` },
  })
  const load = startLoad(server.url, dark, 6)
  const { status, body } = await predict(server.url, Buffer.concat([dark, Buffer.from('KILL')]))
  expect([status, body.code]).toEqual([500, 'ENGINE_CRASHED'])
  expect(body.error).toContain('SIGABRT')
  await enginesBack(server, 3)
  const { failures } = await load.stop()
  expect(failures).toEqual([])
  expect(await server.metric('cutover_engine_restarts_total', { cause: 'crashed' })).toBe(2)
})

test.each([
  ['fails', 'fail', 'ENGINE_FAILED'],
  ['answers NaN', 'nan', 'OUTPUT_INVALID'],
])('a model that %s on an image costs no process', async (_, network, code) => {
  const server = await startServer(registryWith(['m', 1, network]).dir)
  const { status, body } = await predict(server.url, bright)
  expect([status, body.code]).toEqual([500, code])
  expect((await predict(server.url, dark)).status).toBe(200)
  expect(await server.metric('cutover_engine_restarts_total')).toBe(0)
  expect(await server.metric('cutover_requests_total', { outcome: code, model: 'm' })).toBe(1)
})

test('a full queue is refused with 429, and the requests in it are answered', async () => {
  const server = await startServer(registryWith(['m', 1, 'hang']).dir, {
    flags: ONE_AT_A_TIME.concat('--queue-length-max', '2', '--run-timeout-ms', '1500'),
  })
  const hung = predict(server.url, bright)
  await waitFor(
    async () => (await server.metric('cutover_inflight_requests')) === 1,
    'the engine to be busy',
  )
  const waiting = [predict(server.url, dark), predict(server.url, dark)]
  await waitFor(async () => (await server.metric('cutover_queue_length')) === 2, 'a full queue')
  const refused = await predict(server.url, dark)
  expect([refused.status, refused.body.code]).toEqual([429, 'QUEUE_FULL'])
  expect(refused.headers.get('retry-after')).toBe('1')
  for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200)
  expect((await hung).status).toBe(504)
})

test('a request that waits past its deadline is answered 504', async () => {
  const server = await startServer(registryWith(['m', 1, 'hang']).dir, {
    flags: ONE_AT_A_TIME.concat('--request-timeout-ms', '500', '--run-timeout-ms', '3000'),
  })
  const hung = predict(server.url, bright)
  const behind = await predict(server.url, dark)
  expect([behind.status, behind.body.code]).toEqual([504, 'DEADLINE_EXCEEDED'])
  const own = await hung
  expect([own.status, own.body.code]).toEqual([504, 'DEADLINE_EXCEEDED'])
  // Nobody waits for the hung request any more: its process is replaced, and it is not run again.
  await waitFor(
    async () => (await server.metric('cutover_engine_restarts_total')) === 1,
    'the hung engine to be replaced',
  )
  expect(await server.metric('cutover_request_retries_total')).toBe(0)
})

test('a model that hangs while it loads is rejected in bounded time', async () => {
  const registry = registryWith(['m', 1, 'class-1'])
  const server = await startServer(registry.dir, { flags: ['--load-timeout-ms', '3000'] })
  registry.add('m', 2, 'hang-at-once')
  await waitFor(() => server.events('version.rejected').length === 1, 'the rejection')
  expect(server.events('version.rejected')[0]).toMatchObject({ code: 'ENGINE_TIMEOUT' })
  expect((await predict(server.url, dark)).body.class_index).toBe(1)
})

test('a version is not rejected for processes that others ended while it loaded', async () => {
  const server = await startServer(registryWith(['m', 1, 'hang-at-once']).dir, {
    flags: ['--engines', '1'],
    listeningOnly: true,
  })
  for (const kills of [1, 2, 3]) {
    const [pid] = await waitFor(() => {
      const pids = server.enginePids()
      return pids.length === 1 && pids
    }, 'the engine to load')
    process.kill(pid ?? -1, 'SIGKILL')
    await waitFor(() => server.events('version.retrying').length === kills, `retry ${kills}`)
  }
  expect(server.events('version.retrying')[2]?.msg).toMatch(/ended by SIGKILL/)
  expect(server.events('version.rejected')).toEqual([])
})

test('a version that exhausts its memory while it loads is tried twice', async () => {
  const server = await startServer(registryWith(['m', 1, 'hang-at-once']).dir, {
    flags: ['--engines', '1', '--engine-memory-bytes-max', '1MB'],
    listeningOnly: true,
  })
  const rejected = () => server.events('version.rejected')
  const [told] = await waitFor(() => rejected().length > 0 && rejected(), 'the rejection')
  expect(told?.msg).toMatch(/it held \d+ MB; at most 1 MB/)
  expect(server.events('version.retrying')).toHaveLength(1)
})

test('engines do not outlive a server that is killed, whatever they are at', async () => {
  const server = await startServer(registryWith(['m', 1, 'hang']).dir, { flags: ONE_AT_A_TIME })
  const hung = predict(server.url, bright).catch(() => {})
  await waitFor(
    async () => (await server.metric('cutover_inflight_requests')) === 1,
    'the engine to be busy',
  )
  await sleep(300)
  const engines = server.enginePids()
  expect(engines).toHaveLength(1)
  process.kill(server.pid, 'SIGKILL')
  await hung
  await waitFor(() => !engines.some(isRunning), 'the engines to end')
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { SETTINGS } from '../../src/wire/settings.ts'
import { predict } from '../support/client.ts'
import { bright, dark } from '../support/images.ts'
import { startLoad } from '../support/load.ts'
import { registryWith } from '../support/registry.ts'
import { startServer, waitFor } from '../support/server.ts'

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function isRefused(url: string): Promise<boolean> {
  try {
    await fetch(`${url}/healthz/live`)
    return false
  } catch (error) {
    return error instanceof Error && String(error.cause).includes('ECONNREFUSED')
  }
}

test('SIGTERM under load: connections are still accepted for a while, and no request fails', async () => {
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir, {
    flags: ['--shutdown-grace-ms', '6000'],
  })
  const engines = server.enginePids()
  const load = startLoad(server.url, dark, 8)
  await sleep(300)
  const exit = server.stop()
  await waitFor(
    async () => (await fetch(`${server.url}/healthz/ready`)).status === 503,
    'the server not to be ready any more',
  )
  // Still accepting: a load balancer has not noticed yet.
  const late = await predict(server.url, dark)
  expect(late.status).toBe(200)
  expect(late.headers.get('connection')).toBe('close')
  await sleep(300)
  // By now it has. What comes after the listener is closed finds nobody to connect to.
  const { failures } = await load.stop()
  expect(failures).toEqual([])
  expect(await exit).toBe(0)
  expect(engines.filter(processExists)).toEqual([])
})

test('SIGTERM: what is accepted when the listener closes is answered, and the exit code is 0', async () => {
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir, {
    flags: ['--shutdown-grace-ms', '200'],
  })
  const engines = server.enginePids()
  for (const pid of engines) process.kill(pid, 'SIGSTOP')
  const accepted = Array.from({ length: 16 }, () => predict(server.url, dark))
  await waitFor(async () => {
    const running = await server.metric('cutover_inflight_requests')
    return running + (await server.metric('cutover_queue_length')) === accepted.length
  }, 'the requests to be accepted')
  const exit = server.stop()
  await waitFor(() => isRefused(server.url), 'the listener to be closed')
  for (const pid of engines) process.kill(pid, 'SIGCONT')
  const statuses = (await Promise.all(accepted)).map(({ status }) => status)
  expect(statuses).toEqual(accepted.map(() => 200))
  expect(await exit).toBe(0)
  expect(server.log.at(-1)?.msg).toBe('every request was answered')
  expect(engines.filter(processExists)).toEqual([])
})

test('SIGTERM waits no longer than its bound for a request that does not end', async () => {
  const server = await startServer(registryWith(['m', 1, 'hang']).dir, {
    flags: ['--drain-timeout-ms', '700'],
  })
  const hung = predict(server.url, bright).catch(() => 'cut off')
  await waitFor(
    async () => (await server.metric('cutover_inflight_requests')) === 1,
    'the request to hang',
  )
  const engines = server.enginePids()
  expect(await server.stop()).toBe(0)
  expect(await hung).toBe('cut off')
  expect(server.log.at(-1)?.msg).toBe('some requests were cut off')
  expect(engines.filter(processExists)).toEqual([])
})

test('engines do not outlive a server that is killed', async () => {
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir)
  const engines = server.enginePids()
  await server.stop('SIGKILL')
  await waitFor(() => !engines.some(processExists), 'the engines to end')
})

test('Ctrl-C on a terminal reaches engines too, and they leave the drain to the server', async () => {
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir)
  for (const pid of server.enginePids()) process.kill(pid, 'SIGINT')
  await sleep(200)
  expect((await predict(server.url, dark)).status).toBe(200)
  expect(await server.metric('cutover_engine_restarts_total')).toBe(0)
  expect(await server.stop('SIGINT')).toBe(0)
})

test('a server whose log nobody reads any more serves on', async () => {
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir, {
    flags: ['--access-log'],
  })
  server.process.stdout?.destroy()
  server.process.stderr?.destroy()
  for (let i = 0; i < 3; i++) expect((await predict(server.url, dark)).status).toBe(200)
  expect(await server.stop()).toBe(0)
})

test('an address that is taken is a sentence and exit code 2', async () => {
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir)
  const second = startServer(registryWith(['m', 1, 'class-1']).dir, {
    flags: ['--port', String(server.port)],
  })
  await expect(second).rejects.toThrow(/cannot listen on 127\.0\.0\.1 port \d+: .*EADDRINUSE/)
})

test('the metrics are those of the documentation', async () => {
  const server = await startServer(registryWith(['m', 3, 'class-1']).dir)
  await predict(server.url, dark)
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const digest =
    /cutover_model_info\{model="m",version="3",digest="([0-9a-f]{64})",engine="onnx",device="cpu",track="stable"\} 1/
  expect(text).toMatch(digest)
  const ok = 'model="m",version="3",track="stable",protocol="predict",outcome="ok"'
  expect(text).toContain(`cutover_requests_total{${ok}} 1`)
  for (const stage of ['queue', 'preprocess', 'inference', 'total']) {
    const labels = { model: 'm', version: '3', stage }
    expect(await server.metric('cutover_request_duration_seconds_count', labels)).toBe(1)
  }
  expect(await server.metric('cutover_engines_ready', { model: 'm' })).toBe(2)
  expect(await server.metric('cutover_promotions_total', { model: 'm' })).toBe(1)
  const phase = { model: 'm', phase: 'stable' }
  expect(await server.metric('cutover_rollout_phase', phase)).toBe(1)
  expect(await server.metric('cutover_rollout_weight_ratio', { model: 'm' })).toBe(0)
  expect(text).toContain('cutover_event_loop_delay_p99_seconds')
  expect(text).not.toContain('nodejs_active_handles_total')
})

test('what a client sends never becomes a label', async () => {
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir)
  await predict(server.url, dark, '/models/surprise/predict')
  await predict(server.url, dark, '/models/m/versions/77/predict')
  const text = await (await fetch(`${server.url}/metrics`)).text()
  expect(text).not.toContain('surprise')
  expect(text).not.toContain('"77"')
  const labels = { model: '', outcome: 'MODEL_NOT_FOUND' }
  expect(await server.metric('cutover_requests_total', labels)).toBe(1)
})

test('the log names the request that the server failed', async () => {
  const server = await startServer(registryWith(['m', 1, 'fail']).dir, { flags: ['--access-log'] })
  const headers = { 'x-request-id': 'find-me' }
  expect((await predict(server.url, bright, '/predict', { headers })).status).toBe(500)
  const lines = await waitFor(() => {
    const found = server.log.filter(({ requestId }) => requestId === 'find-me')
    return found.length === 2 && found
  }, 'the log lines')
  expect(lines.map(({ level }) => level)).toEqual([50, 30])
  expect(lines[1]).toMatchObject({ method: 'POST', url: '/predict', status: 500 })
})

test('on a terminal, logs are readable and progress is shown while a model loads', async () => {
  const { dir } = registryWith(['m', 1, 'class-1'])
  // exec: a shell that stays in front of the server gets the key's signal, too, and its status is told.
  const serve = `exec ${process.execPath} bin/cutover.js serve ${dir} --port 0 --grpc-port -1 --engines 2`
  // script(1) gives a command a terminal, by way of $SHELL.
  const terminal = spawn('script', ['-qec', serve, '/dev/null'], {
    env: { ...process.env, SHELL: '/bin/sh' },
  })
  const ended = once(terminal, 'close')
  let stdout = ''
  terminal.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  try {
    await waitFor(() => stdout.includes('m 1 takes the traffic'), 'the model to be served')
    terminal.stdin.write('\u0003')
    expect(await ended).toEqual([0, null])
  } finally {
    terminal.kill('SIGKILL')
  }
  expect(stdout).toContain('loading m 1: ')
  expect(stdout).toMatch(/m 1: (opening|warming) engine \d of 2/)
  expect(stdout).not.toContain('"level"')
})

test('every setting is in the documentation', async () => {
  const rows = Object.entries(SETTINGS).map(([name, schema]) => {
    const otherwise: unknown = schema.safeParse(undefined).data
    const shown =
      otherwise === undefined ? '' : `\`${JSON.stringify(otherwise).replaceAll('"', '')}\``
    return `| \`${name}\` | ${shown} | ${schema.description} |`
  })
  const page = [
    '# Settings',
    '',
    'Each is a flag (`bodyBytesMax` is `--body-bytes-max`), an environment variable',
    '(`CUTOVER_BODY_BYTES_MAX`) and a key of the JSON file that `--config` or `CUTOVER_CONFIG` names.',
    'A flag wins over a variable, that over the file, that over the default. A port of the form',
    '`tcp://…` is none of yours: Kubernetes sets `CUTOVER_PORT` so in the pods beside a service called',
    '`cutover` (unless `enableServiceLinks: false`), and it is passed over.',
    '',
    '| setting | default | |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n')
  await expect(page).toMatchFileSnapshot('../../docs/configuration.md')
})

test('a GPU that cannot be used is told, and the model runs on the CPU', async () => {
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir, {
    flags: ['--device', 'gpu', '--engines', '0'],
    // Where there is one it is out of sight.
    env: { CUDA_VISIBLE_DEVICES: '' },
  })
  expect((await predict(server.url, dark)).body.class_index).toBe(1)
  const [ready] = server.events('version.ready')
  expect(ready?.msg).toMatch(/^m 1 ready after \d+ ms; no CUDA, it runs on the CPU: \S/)
  const { models } = (await (await fetch(`${server.url}/models`)).json()) as {
    models: { versions: { device: string; engines: number }[] }[]
  }
  expect(models[0]?.versions[0]).toMatchObject({ device: 'cpu', engines: 2 })
})

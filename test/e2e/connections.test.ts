import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'

import { describe, expect, test } from 'vitest'

import { residentBytes } from '../../src/lib/resident-bytes.ts'
import { fixture } from '../support/registry.ts'
import { startServer, type TestServer, waitFor } from '../support/server.ts'

const MODEL = fixture('v2/models/tiny')
const INFER = '/v2/models/tiny/infer'
const ONE_ENGINE = ['--engines', '1']

/** A client that neither ends its side nor reads anything unless it is told to. */
async function connect(server: TestServer): Promise<net.Socket> {
  const socket = net.connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

function collect(socket: net.Socket) {
  const received = { text: '', bytes: 0 }
  socket.on('data', (chunk: Buffer) => {
    received.bytes += chunk.length
    if (received.text.length < 10_000) received.text += chunk.toString('latin1')
  })
  return received
}

function statusesIn(text: string): string[] {
  return text.match(/(?<=HTTP\/1\.1 )\d+/g) ?? []
}

/** A request whose answer is larger than what the kernel keeps for a client that does not read. */
function large(rows: number) {
  const data = Buffer.alloc(rows * 16)
  const json = JSON.stringify({
    inputs: [
      {
        name: 'x',
        datatype: 'FP32',
        shape: [rows, 4],
        parameters: { binary_data_size: data.length },
      },
    ],
    parameters: { binary_data_output: true },
  })
  const body = Buffer.concat([Buffer.from(json), data])
  const head =
    `POST ${INFER} HTTP/1.1\r\nhost: x\r\ninference-header-content-length: ${json.length}\r\n` +
    `content-length: ${body.length}\r\n\r\n`
  return { head, body, json, data }
}

async function inferPacked(server: TestServer): Promise<number> {
  const json = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] }] }
  const { status } = await fetch(server.url + INFER, {
    method: 'POST',
    body: gzipSync(JSON.stringify(json)),
    headers: { 'content-encoding': 'gzip' },
    signal: AbortSignal.timeout(90_000),
  })
  return status
}

/** Whether the kernel still has the server's side of a connection. */
function isOpen(port: number, clientPort: number | undefined): boolean {
  const ends = [port, clientPort ?? 0].map(
    (end) => `:${end.toString(16).toUpperCase().padStart(4, '0')}`,
  )
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/ +/))
    .some(([, local = '', remote = '', state]) => {
      const isThis = local.endsWith(ends[0] ?? '') && remote.endsWith(ends[1] ?? '')
      return isThis && state === '01'
    })
}

describe('a client that does not do its part', () => {
  test('is cut off when the time for its request is over, though it keeps its side open', async () => {
    const server = await startServer(MODEL, { flags: [...ONE_ENGINE, '--body-timeout-ms', '500'] })
    const socket = await connect(server)
    const received = collect(socket)
    socket.write(`POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\nhalf`)
    await once(socket, 'end')
    expect(statusesIn(received.text)).toEqual(['408'])
    await waitFor(
      async () =>
        (await server.metric('cutover_requests_total', { outcome: 'REQUEST_ABORTED' })) === 1,
      'the request to be over',
    )
    socket.destroy()
  })

  test('is told once what is wrong, and not again when its time is over', async () => {
    const server = await startServer(MODEL, { flags: [...ONE_ENGINE, '--body-timeout-ms', '500'] })
    const socket = await connect(server)
    const received = collect(socket)
    const path = '/v2/models/absent/infer'
    socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf`)
    await once(socket, 'end')
    expect(statusesIn(received.text)).toEqual(['404'])
    socket.destroy()
  })

  test('is cut off when it reads nothing of its answer', async () => {
    const server = await startServer(MODEL, {
      flags: [...ONE_ENGINE, '--body-bytes-max', '32MB', '--answer-timeout-ms', '1000'],
    })
    const socket = await connect(server)
    socket.pause()
    const { head, body } = large(900_000)
    socket.write(Buffer.concat([Buffer.from(head), body]))
    await waitFor(
      async () => (await server.metric('cutover_requests_total', { outcome: 'ok' })) === 1,
      'the answer to be on its way',
    )
    await waitFor(() => !isOpen(server.port, socket.localPort), 'the connection to be cut off')
    socket.destroy()
  })

  test('keeps nobody else from being served by reading nothing', async () => {
    const server = await startServer(MODEL, { flags: [...ONE_ENGINE, '--body-bytes-max', '32MB'] })
    const { json, data } = large(600_000)
    const packed = gzipSync(Buffer.concat([Buffer.from(json), data]))
    const head =
      `POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-encoding: gzip\r\n` +
      `inference-header-content-length: ${json.length}\r\ncontent-length: ${packed.length}\r\n\r\n`
    // As many as are unpacked at a time.
    const sockets = await Promise.all(Array.from({ length: 16 }, () => connect(server)))
    for (const socket of sockets) {
      socket.pause()
      socket.write(Buffer.concat([Buffer.from(head), packed]))
    }
    await waitFor(
      async () => (await server.metric('cutover_requests_total', { outcome: 'ok' })) === 16,
      'their answers to be on their way',
    )
    expect(await inferPacked(server)).toBe(200)
    for (const socket of sockets) socket.destroy()
  })

  test('costs little more memory than it sends, however small the pieces', async () => {
    const server = await startServer(MODEL, { flags: ONE_ENGINE })
    const socket = await connect(server)
    const before = residentBytes(server.pid)
    socket.write(`POST ${INFER} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`)
    const pieces = Buffer.from('1\r\n \r\n'.repeat(50_000))
    for (let sent = 0; sent < 20; sent++) {
      if (!socket.write(pieces)) await once(socket, 'drain')
    }
    // Its answer comes when all of it was read.
    const received = collect(socket)
    socket.write('0\r\n\r\n')
    await waitFor(() => received.text.includes('HTTP/1.1 400'), 'the refusal')
    expect(residentBytes(server.pid) - before).toBeLessThan(200e6)
    socket.destroy()
  })

  test('gets its whole answer however slowly it reads while the server goes', async () => {
    const server = await startServer(MODEL, {
      flags: [...ONE_ENGINE, '--body-bytes-max', '32MB'],
    })
    const rows = 900_000
    const { head: request, body } = large(rows)
    const socket = await connect(server)
    socket.pause()
    socket.write(Buffer.concat([Buffer.from(request), body]))
    await waitFor(
      async () => (await server.metric('cutover_requests_total', { outcome: 'ok' })) === 1,
      'the answer to be on its way',
    )
    const ended = server.stop()
    // Longer than it takes until connections that seem idle are closed.
    await sleep(1_000)
    const received = collect(socket)
    socket.resume()
    await once(socket, 'end')
    const [head = ''] = received.text.split('\r\n\r\n')
    expect(statusesIn(head)).toEqual(['200'])
    const length = Number(/\ncontent-length: (\d+)/.exec(head)?.[1])
    expect(length).toBeGreaterThan(rows * 12)
    expect(received.bytes).toBe(head.length + 4 + length)
    socket.destroy()
    expect(await ended).toBe(0)
  })
})

test('clients that go while their requests wait for a turn leave nothing behind', async () => {
  const server = await startServer(MODEL, { flags: ONE_ENGINE })
  const body = gzipSync(
    JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] }],
    }),
  )
  const head =
    `POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-encoding: gzip\r\n` +
    `content-length: ${body.length}\r\n\r\n`
  const [engine = -1] = server.enginePids()
  // Until it goes on, no request is answered, and all but the first of a connection wait behind it.
  process.kill(engine, 'SIGSTOP')
  const socket = await connect(server)
  for (let i = 0; i < 40; i++) socket.write(Buffer.concat([Buffer.from(head), body]))
  await sleep(500)
  socket.destroy()
  await sleep(200)
  process.kill(engine, 'SIGCONT')
  expect(await inferPacked(server)).toBe(200)
})

test('a target may name the server', async () => {
  const server = await startServer(MODEL, { flags: ONE_ENGINE })
  const body = JSON.stringify({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] }],
  })
  const socket = await connect(server)
  const received = collect(socket)
  const head = `host: x\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`
  socket.write(`POST http://x:1${INFER}?a=b HTTP/1.1\r\n${head}${body}`)
  await once(socket, 'end')
  expect(statusesIn(received.text)).toEqual(['200'])
  socket.destroy()
})

test('few packed bodies are unpacked at a time, however many come', async () => {
  const server = await startServer(MODEL, { flags: ONE_ENGINE })
  const body = gzipSync(Buffer.alloc(15_000_000, 0x20))
  const headers = { 'content-encoding': 'gzip' }
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => fetch(server.url + INFER, { method: 'POST', body, headers })),
  )
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400]))
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
  const peakMegabytes = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
  // All of them at once are 900 MB.
  expect(peakMegabytes).toBeLessThan(600)
})

test('an engine that ends while no file can be opened is replaced later', async () => {
  const filesMax = 150
  const server = await startServer(MODEL, { flags: ONE_ENGINE, filesMax })
  const open = () => readdirSync(`/proc/${server.pid}/fd`).length
  const clients: net.Socket[] = []
  while (open() < filesMax) clients.push(await connect(server))
  const [engine = -1] = server.enginePids()
  process.kill(engine, 'SIGKILL')
  await waitFor(() => server.log.some(({ msg }) => msg.includes('EMFILE')), 'the failure')
  for (const client of clients) client.destroy()
  await waitFor(
    async () => (await server.metric('cutover_engines_ready')) === 1,
    'an engine in its place',
  )
  expect(await server.stop()).toBe(0)
})

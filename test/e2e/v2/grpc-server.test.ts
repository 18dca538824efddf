import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import {
  type ChannelCredentials,
  type ClientReadableStream,
  compressionAlgorithms,
  credentials,
  loadPackageDefinition,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import descriptors, {
  type IDescriptorProto,
  type IFileDescriptorProto,
} from 'protobufjs/ext/descriptor/index.js'
import { beforeAll, describe, expect, test } from 'vitest'

import { cutover } from '../../support/cutover.ts'
import { encoded, GrpcClient, type InferMessage } from '../../support/grpc.ts'
import { fixture, temporaryDirectory } from '../../support/registry.ts'
import { startServer, type TestServer, waitFor } from '../../support/server.ts'

const { FileDescriptorProto } = descriptors
const MODEL = fixture('v2/models/tiny')
const GRPC = ['--engines', '1', '--grpc-port', '0']

function tiny(batch = 1): InferMessage {
  return {
    model_name: 'tiny',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [batch, 4] }],
    raw_input_contents: [Buffer.alloc(batch * 16)],
  }
}

async function whileStopped(server: TestServer, use: () => Promise<void>): Promise<void> {
  const pids = server.enginePids()
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  try {
    await use()
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT')
  }
}

describe('a server', () => {
  let server: TestServer
  let client: GrpcClient
  beforeAll(async () => {
    server = await startServer(MODEL, { flags: [...GRPC, '--grpc-message-bytes-max', '24MB'] })
    client = new GrpcClient(server.grpcAddress)
  })

  test('a deadline of the client holds, and is counted as one', async () => {
    await whileStopped(server, async () => {
      const { code } = await client.call('ModelInfer', tiny(), { deadline: Date.now() + 300 })
      expect(code).toBe('DEADLINE_EXCEEDED')
      const labels = { protocol: 'v2-grpc', outcome: 'DEADLINE_EXCEEDED' }
      await waitFor(
        async () => (await server.metric('cutover_requests_total', labels)) === 1,
        'the request to be counted',
      )
    })
    expect(await client.call('ModelInfer', tiny())).toMatchObject({ code: 'OK' })
  })

  test('a message of 20 MB is answered, one beyond the bound is refused', async () => {
    const batch = 20_000_000 / 16
    const { outputs } = await client.infer(tiny(batch))
    expect(outputs[0]?.shape).toEqual([String(batch), '3'])
    const { code, details } = await client.call('ModelInfer', tiny(25_000_000 / 16))
    expect([code, details]).toEqual([
      'RESOURCE_EXHAUSTED',
      expect.stringMatching(/larger than max/),
    ])
    expect(await client.call('ServerLive', {})).toMatchObject({ code: 'OK' })
  })

  test('so is one that unpacks to more', async () => {
    const packing = new GrpcClient(server.grpcAddress, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    })
    expect(await packing.call('ModelInfer', tiny(1000))).toMatchObject({ code: 'OK' })
    const { code } = await packing.call('ModelInfer', tiny(25_000_000 / 16))
    expect(code).toBe('RESOURCE_EXHAUSTED')
  })

  test('health is the readiness of the server', async () => {
    for (const service of ['', 'inference.GRPCInferenceService']) {
      const { response } = await client.call('Check', { service })
      expect(response).toEqual({ status: 'SERVING' })
    }
    expect(await client.call('Check', { service: 'nope' })).toMatchObject({ code: 'NOT_FOUND' })
    expect((await client.call('List', {})).response).toMatchObject({
      statuses: { '': { status: 'SERVING' } },
    })
    const watch = client.watch('nope')
    expect(await nextStatus(watch)).toBe('SERVICE_UNKNOWN')
    watch.on('error', () => undefined)
    watch.cancel()
  })

  test('reflection tells what there is', async () => {
    const services = await reflected(server.grpcAddress, { list_services: '' })
    const names = services.list_services_response.service.map(({ name }) => name)
    expect(names.sort()).toEqual(['grpc.health.v1.Health', 'inference.GRPCInferenceService'])
  })

  test.each([
    [
      'inference.GRPCInferenceService',
      'ModelStreamInfer',
      'priority_queue_policy=PriorityQueuePolicyEntry',
    ],
    ['grpc.health.v1.Health', 'Watch', 'statuses=StatusesEntry'],
  ])('reflection describes %s as protoc does', async (symbol, call, mapEntry) => {
    const answer = await reflected(server.grpcAddress, { file_containing_symbol: symbol })
    const files = answer.file_descriptor_response.file_descriptor_proto.map(
      (bytes) => FileDescriptorProto.decode(bytes) as IFileDescriptorProto,
    )
    const services = files.flatMap(({ service = [] }) => service)
    const calls = services.flatMap(({ method = [] }) => method.map(({ name }) => name))
    expect(calls).toContain(call)
    const messages = files.flatMap(({ messageType = [] }) => messageType)
    const maps = messages.flatMap(mapsOf)
    expect(maps).toContain(mapEntry)
    expect(maps.filter((map) => !map.endsWith('Entry'))).toEqual([])
  })

  test('a port that is taken is named with the flag that gives another', async () => {
    const port = server.grpcAddress.split(':')[1] ?? ''
    const { code, stderr } = await served(['--grpc-port', port])
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/cannot listen on 127\.0\.0\.1 port \d+.*--grpc-port gives another/)
    expect(stderr).not.toMatch(/^E /m)
  })

  test('metadata that cannot be is passed over, and reaches no more than the debug log', async () => {
    const session = connect(`http://${server.grpcAddress}`)
    const stream = session.request({
      ':method': 'POST',
      ':path': '/inference.GRPCInferenceService/ServerLive',
      'content-type': 'application/grpc',
      te: 'trailers',
      'x!y': 'forged',
    })
    const trailers = once(stream, 'trailers')
    stream.resume()
    // An empty message, uncompressed.
    stream.end(Buffer.alloc(5))
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': '0' })
    session.close()
    const told = await waitFor(
      () => server.log.find(({ msg }) => msg.includes('x!y: forged')),
      'the log line',
    )
    expect(told.level).toBe(20)
    expect(server.stderr).not.toContain('forged')
  })
})

test('a server whose model does not load is live, not ready, and says so', async () => {
  const dir = temporaryDirectory()
  mkdirSync(path.join(dir, 'm', '1'), { recursive: true })
  writeFileSync(path.join(dir, 'm', '1', 'model.onnx'), 'this is no model')
  const server = await startServer(dir, { flags: GRPC, listeningOnly: true })
  await waitFor(() => server.events('version.rejected').length > 0, 'the version to be rejected')
  const client = new GrpcClient(server.grpcAddress)
  const answer = async (rpc: string, request: object) => (await client.call(rpc, request)).response
  expect(await answer('ServerLive', {})).toEqual({ live: true })
  expect(await answer('ServerReady', {})).toEqual({ ready: false })
  expect(await answer('ModelReady', { name: 'm' })).toEqual({ ready: false })
  expect(await answer('Check', { service: '' })).toEqual({ status: 'NOT_SERVING' })
  expect(await answer('RepositoryIndex', {})).toMatchObject({
    models: [{ name: 'm', version: '1', state: 'UNAVAILABLE' }],
  })
  const { code, details } = await client.call('ModelInfer', { ...tiny(), model_name: 'm' })
  expect(code).toBe('UNAVAILABLE')
  expect(details).toMatch(/^m is not served: version 1: /)
})

describe('a client that does not do its part', () => {
  const open = (session: ClientHttp2Session, rpc: string) =>
    session.request({
      ':method': 'POST',
      ':path': `/inference.GRPCInferenceService/${rpc}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    })

  test.each(['ModelInfer', 'ModelStreamInfer'])('half a request of %s: cut off', async (rpc) => {
    const server = await startServer(MODEL, { flags: [...GRPC, '--body-timeout-ms', '500'] })
    const session = connect(`http://${server.grpcAddress}`)
    const call = open(session, rpc)
    call.on('error', () => undefined)
    const closed = once(call, 'close')
    // A message of 100 bytes, of which 10 come.
    call.write(Buffer.concat([Buffer.from([0, 0, 0, 0, 100]), Buffer.alloc(10)]))
    const [headers] = (await once(call, 'response')) as [IncomingHttpHeaders]
    expect(headers).toMatchObject({
      'grpc-status': '4',
      'grpc-message': expect.stringContaining('did%20not%20arrive'),
    })
    // What has come is kept no longer, though the client leaves its side open.
    call.resume()
    await closed
    session.destroy()
  })

  test('a stream may rest between two messages, and wait for the server within one', async () => {
    const server = await startServer(MODEL, { flags: [...GRPC, '--body-timeout-ms', '500'] })
    const client = new GrpcClient(server.grpcAddress)
    const stream = client.stream()
    let answers = 0
    stream.on('data', () => answers++)
    stream.write(tiny())
    await waitFor(() => answers === 1, 'the first answer')
    await sleep(1_000)
    await whileStopped(server, async () => {
      // More than are read before some are answered.
      for (let i = 0; i < 100; i++) stream.write(tiny(50))
      await waitFor(
        async () => (await server.metric('cutover_inflight_requests')) >= 2,
        'the requests to arrive',
      )
      await sleep(1_000)
    })
    stream.end()
    await once(stream, 'end')
    expect(answers).toBe(101)
  })

  /** A call whose answer has 1.2 MB, on a connection with so much room for it. */
  async function unread(server: TestServer, initialWindowSize: number) {
    const session = connect(`http://${server.grpcAddress}`, { settings: { initialWindowSize } })
    await once(session, 'connect')
    const message = encoded(tiny(100_000))
    const head = Buffer.alloc(5)
    head.writeUInt32BE(message.length, 1)
    const call = open(session, 'ModelInfer')
    call.on('error', () => undefined)
    call.end(Buffer.concat([head, message]))
    await once(call, 'response')
    call.pause()
    return { session, call }
  }

  test('a client that reads nothing of its answer is cut off', async () => {
    const server = await startServer(MODEL, { flags: [...GRPC, '--answer-timeout-ms', '1000'] })
    // It answers pings, and has room for a kilobyte.
    const { session } = await unread(server, 1024)
    if (!session.closed) await once(session, 'close')
    expect(await new GrpcClient(server.grpcAddress).call('ServerLive', {})).toMatchObject({
      code: 'OK',
    })
  })

  test('one that reads slowly gets the whole, however often the time goes by', async () => {
    const server = await startServer(MODEL, { flags: [...GRPC, '--answer-timeout-ms', '3000'] })
    const { session, call } = await unread(server, 65_535)
    let bytes = 0
    const ended = once(call, 'end')
    for (let reads = 0; reads < 50 && !call.readableEnded; reads++) {
      await sleep(200)
      bytes += (call.read(Math.min(20_000, call.readableLength)) as Buffer | null)?.length ?? 0
    }
    call.on('data', (chunk: Buffer) => (bytes += chunk.length))
    call.resume()
    await ended
    expect(bytes).toBeGreaterThan(1_200_000)
    session.close()
  })
})

describe('a server that is told to stop', () => {
  test('says that it is not serving, answers what it has accepted, and then ends', async () => {
    const server = await startServer(MODEL, { flags: [...GRPC, '--shutdown-grace-ms', '1000'] })
    const client = new GrpcClient(server.grpcAddress)
    const watch = client.watch('')
    expect(await nextStatus(watch)).toBe('SERVING')
    const stream = client.stream()
    const streamed: unknown[] = []
    stream.on('data', (answer) => streamed.push(answer))
    const broken = new Promise((resolve) => stream.on('error', resolve))
    let answer: Promise<{ code: string }> | undefined
    let stopped: Promise<number | null> | undefined
    await whileStopped(server, async () => {
      answer = client.call('ModelInfer', tiny())
      stream.write(tiny())
      await waitFor(
        async () => (await server.metric('cutover_inflight_requests')) >= 2,
        'the requests to arrive',
      )
      stopped = server.stop()
      expect(await nextStatus(watch)).toBe('NOT_SERVING')
    })
    expect(await answer).toMatchObject({ code: 'OK' })
    expect(await broken).toMatchObject({ details: 'the server is shutting down' })
    expect(streamed).toHaveLength(1)
    expect(await stopped).toBe(0)
    expect(server.log.at(-1)?.msg).toBe('every request was answered')
  })
})

describe('TLS', () => {
  const file = (name: string) => fixture(`tls/${name}`)
  const pem = (name: string) => readFileSync(file(name))
  const TLS = ['--grpc-tls-cert', file('server.pem'), '--grpc-tls-key', file('server.key')]
  const live = async (address: string, secured: ChannelCredentials) => {
    const { code } = await new GrpcClient(address, secured).call(
      'ServerLive',
      {},
      { deadline: Date.now() + 3_000 },
    )
    return code
  }

  test('shows the certificate; plain text is refused', async () => {
    const { grpcAddress: address } = await startServer(MODEL, { flags: [...GRPC, ...TLS] })
    expect(await live(address, credentials.createSsl(pem('ca.pem')))).toBe('OK')
    expect(await live(address, credentials.createInsecure())).not.toBe('OK')
  })

  test('asks clients for theirs where an authority is named', async () => {
    const { grpcAddress: address } = await startServer(MODEL, {
      flags: [...GRPC, ...TLS, '--grpc-tls-client-ca', file('ca.pem')],
    })
    const known = credentials.createSsl(pem('ca.pem'), pem('client.key'), pem('client.pem'))
    expect(await live(address, known)).toBe('OK')
    expect(await live(address, credentials.createSsl(pem('ca.pem')))).not.toBe('OK')
  })

  test.each([
    [['--grpc-tls-cert', file('server.pem')], /needs both --grpc-tls-cert and --grpc-tls-key/],
    [[...TLS, '--grpc-tls-key', '/nowhere.key'], /--grpc-tls-key: ENOENT/],
    [[...TLS, '--grpc-tls-key', file('client.key')], /TLS on the gRPC port: .*mismatch/],
    [[...TLS, '--grpc-tls-key', file('client.pem')], /TLS on the gRPC port: .*unsupported/],
  ])(
    '%j: a sentence',
    async (flags, sentence) => {
      const { code, stderr } = await served(flags)
      expect(code).not.toBe(0)
      expect(stderr).toMatch(sentence)
    },
    120_000,
  )
})

/** A server that is expected not to start. */
function served(flags: readonly string[]) {
  const ports = ['--host', '127.0.0.1', '--port', '0', '--admin-port', '-1', '--grpc-port', '0']
  const few = ['--engines', '1', '--cache-dir', temporaryDirectory()]
  return cutover(['serve', MODEL, ...ports, ...few, ...flags])
}

function nextStatus(watch: ClientReadableStream<{ status: string }>): Promise<string> {
  return new Promise((resolve) => watch.once('data', ({ status }) => resolve(status as string)))
}

interface Reflected {
  readonly list_services_response: { readonly service: readonly { readonly name: string }[] }
  readonly file_descriptor_response: { readonly file_descriptor_proto: readonly Buffer[] }
}

/** One question to the reflection service, by its own definition. */
async function reflected(address: string, question: object): Promise<Reflected> {
  const definition = loadSync('grpc/reflection/v1/reflection.proto', {
    keepCase: true,
    includeDirs: [fixture('../../node_modules/@grpc/reflection/build/proto')],
  })
  const { ServerReflection } = (
    loadPackageDefinition(definition) as unknown as {
      grpc: { reflection: { v1: Record<'ServerReflection', new (...args: unknown[]) => Asked> } }
    }
  ).grpc.reflection.v1
  const client = new ServerReflection(address, credentials.createInsecure())
  const stream = client.ServerReflectionInfo()
  try {
    return await new Promise((resolve, reject) => {
      stream.on('data', resolve)
      stream.on('error', reject)
      stream.write(question)
    })
  } finally {
    stream.end()
    client.close()
  }
}

/** Of the fields of a message and of those in it that are maps: `field=type of its entries`. */
function mapsOf({ field = [], nestedType = [] }: IDescriptorProto): string[] {
  const entries = nestedType.filter(({ options }) => options?.mapEntry === true)
  return [
    ...entries.map(({ name }) => {
      const map = field.find(({ typeName }) => typeName?.split('.').at(-1) === name)
      return `${map?.name}=${name}`
    }),
    ...nestedType.flatMap(mapsOf),
  ]
}

interface Asked {
  close(): void
  ServerReflectionInfo(): {
    on(event: string, listener: (value: never) => void): void
    write(question: object): void
    end(): void
  }
}

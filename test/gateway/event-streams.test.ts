import { once } from 'node:events'
import { createServer } from 'node:http'
import net, { type AddressInfo } from 'node:net'

import { expect, onTestFinished, test } from 'vitest'

import { EventStreams } from '../../src/gateway/event-streams.ts'
import { EventHub } from '../../src/telemetry/event-hub.ts'
import { waitFor } from '../support/server.ts'

/** A stream of `hub` to a client that does not read until it is told to. */
async function streamOf(hub: EventHub, heartbeatMs: number) {
  const streams = new EventStreams(hub, heartbeatMs)
  const server = createServer((_request, response) => {
    streams.open(response, { since: undefined, model: undefined })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  let text = ''
  client.on('data', (chunk: Buffer) => (text += chunk.toString()))
  client.on('error', () => {})
  client.write('GET / HTTP/1.1\r\nhost: here\r\n\r\n')
  await waitFor(() => text.includes('retry:'), 'the stream to open')
  onTestFinished(() => {
    client.destroy()
    server.close()
    server.closeAllConnections()
  })
  const connections = () =>
    new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
  return { client, connections, text: () => text }
}

function happen(hub: EventHub, count: number): void {
  const reason = 'x'.repeat(10_000)
  for (let version = 1; version <= count; version++) {
    hub.deployment({ kind: 'version.rejected', model: 'm', version, code: 'INTERNAL', reason })
  }
}

test('a client that stops reading is cut off', async () => {
  const hub = new EventHub()
  const { client, connections } = await streamOf(hub, 50)
  client.pause()
  happen(hub, 1_000)
  await waitFor(async () => (await connections()) === 0, 'it to be cut off')
})

test('a client that reads late gets everything once, in order', async () => {
  const hub = new EventHub()
  const { client, text } = await streamOf(hub, 60_000)
  client.pause()
  happen(hub, 900)
  client.resume()
  await waitFor(() => text().includes(`id: ${hub.lastId}\n`), 'the last event')
  const ids = [...text().matchAll(/^id: (.*)\ndata/gm)].map(([, id]) => id)
  expect(ids).toEqual(hub.after().events.map(({ id }) => id))
})

test('an idle stream has heartbeats', async () => {
  const { text } = await streamOf(new EventHub(), 20)
  await waitFor(() => text().split(':\n\n').length > 3, 'heartbeats')
})

import { createHmac } from 'node:crypto'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { bright, dark } from '../support/images.ts'
import { startLoad } from '../support/load.ts'
import { registryWith, temporaryDirectory } from '../support/registry.ts'
import { startServer, type TestServer, waitFor } from '../support/server.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

interface Event {
  readonly id: string
  readonly kind: string
  readonly model: string
  readonly version: number
  readonly text: string
}

function adminUrl(server: TestServer): string {
  const line = server.log.find(({ msg }) => msg.startsWith('listening'))
  return `http://127.0.0.1:${String(line?.['adminPort'])}`
}

const WITH_ADMIN = { flags: ['--admin-port', '0'] }

async function list(server: TestServer, query = ''): Promise<{ events: Event[]; missed: boolean }> {
  const response = await fetch(`${adminUrl(server)}/events${query}`)
  return (await response.json()) as { events: Event[]; missed: boolean }
}

/** What a stream has sent until now. */
class Stream {
  text = ''
  readonly #abort = new AbortController()
  ended = false

  static async open(server: TestServer, query = '', headers: Record<string, string> = {}) {
    const stream = new Stream()
    const response = await fetch(`${adminUrl(server)}/events${query}`, {
      headers: { accept: 'text/event-stream', ...headers },
      signal: stream.#abort.signal,
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    void stream.#read(response)
    return stream
  }

  async #read({ body }: Response): Promise<void> {
    try {
      const decoder = new TextDecoder()
      for await (const chunk of body ?? []) this.text += decoder.decode(chunk, { stream: true })
    } catch {
      // Aborted, or cut off.
    }
    this.ended = true
  }

  get events(): Event[] {
    const lines = this.text.split('\n').filter((line) => line.startsWith('data: '))
    return lines.map((line) => JSON.parse(line.slice(6)) as Event)
  }

  close(): void {
    this.#abort.abort()
  }
}

test('the list of events can be continued and narrowed', async () => {
  const registry = registryWith(['m', 1, 'class-1'], ['other', 1, 'class-1'])
  const server = await startServer(registry.dir, WITH_ADMIN)
  const all = await waitFor(async () => {
    const page = await list(server)
    return page.events.filter(({ kind }) => kind === 'version.promoted').length === 2 && page
  }, 'both to take their traffic')
  expect(all.missed).toBe(false)
  const promoted = all.events.find(
    ({ kind, model }) => kind === 'version.promoted' && model === 'm',
  )
  expect(promoted).toMatchObject({ version: 1, text: 'm 1 takes the traffic' })

  const others = await list(server, '?model=other')
  expect(new Set(others.events.map(({ model }) => model))).toEqual(new Set(['other']))
  const [first, second, third] = all.events
  const next = await list(server, `?since=${first?.id}&limit=2`)
  expect(next.events.map(({ id }) => id)).toEqual([second?.id, third?.id])
  const [newest] = (await list(server, '?limit=1')).events
  expect(all.events.slice(0, -1)).not.toContainEqual(newest)
  const lost = await list(server, '?since=of-another-process')
  expect(lost.missed).toBe(true)
  expect(lost.events.slice(0, all.events.length)).toEqual(all.events)

  for (const query of ['?limit=0', '?limit=many', '?model=..%2F', '?sinse=1', '?since=1&since=2']) {
    expect((await fetch(`${adminUrl(server)}/events${query}`)).status).toBe(400)
  }
})

test('a stream tells what happens, goes on where it was, and ends with the server', async () => {
  const registry = registryWith(['m', 1, 'class-1'])
  const server = await startServer(registry.dir, WITH_ADMIN)
  const stream = await Stream.open(server, '?model=m')
  registry.add('other', 1, 'class-1')
  registry.add('m', 2, 'class-2')
  const isPromoted = ({ kind, version }: Event) => kind === 'version.promoted' && version === 2
  await waitFor(() => stream.events.some(isPromoted), 'the event')
  stream.close()
  // Only what happened since it was opened, of its model, each with its id.
  expect(stream.events[0]).toMatchObject({ kind: 'version.found', model: 'm', version: 2 })
  expect(new Set(stream.events.map(({ model }) => model))).toEqual(new Set(['m']))
  for (const { id } of stream.events) expect(stream.text).toContain(`\nid: ${id}\ndata: `)
  expect(stream.text).toMatch(/^retry: 2000\nid: [0-9a-f]+-\d+\n\n/)

  const seen = stream.events[1]?.id ?? ''
  const resumed = await Stream.open(server, '?model=m', { 'last-event-id': seen })
  await waitFor(() => resumed.events.some(isPromoted), 'the events that were missed')
  expect(resumed.events.slice(0, stream.events.length - 2)).toEqual(stream.events.slice(2))
  expect(await server.stop()).toBe(0)
  await waitFor(() => resumed.ended, 'the stream to end')
})

test('the number of streams is bounded', async () => {
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir, WITH_ADMIN)
  const streams = await Promise.all(Array.from({ length: 32 }, () => Stream.open(server)))
  const headers = { accept: 'text/event-stream' }
  const refused = await fetch(`${adminUrl(server)}/events`, { headers })
  expect(refused.status).toBe(429)
  expect(await refused.json()).toMatchObject({ code: 'QUEUE_FULL' })
  streams[0]?.close()
  await waitFor(async () => {
    const again = await fetch(`${adminUrl(server)}/events`, { headers })
    await again.body?.cancel()
    return again.status === 200
  }, 'a place')
  for (const stream of streams) stream.close()
})

function deliveries(server: TestServer, outcome: string): Promise<number> {
  return server.metric('cutover_webhook_deliveries_total', { outcome })
}

test('a webhook gets what happens, and a server that was killed delivers what was pending', async () => {
  const registry = registryWith(['m', 1, 'class-1'])
  const receiver = await WebhookReceiver.start()
  const cacheDir = temporaryDirectory()
  const secret = 'a secret of 24 characters'
  const options = {
    flags: ['--cache-dir', cacheDir, '--webhook-urls', receiver.url],
    env: { CUTOVER_WEBHOOK_SECRET: secret },
  }
  receiver.answer = (response) => response.writeHead(503).end()
  const server = await startServer(registry.dir, options)
  const [head] = await waitFor(
    () => receiver.received.length > 0 && receiver.received,
    'an attempt',
  )
  const pending = await waitFor(async () => {
    const length = await server.metric('cutover_webhook_queue_length')
    const files = readdirSync(path.join(cacheDir, 'outbox'), { recursive: true, encoding: 'utf8' })
    const kept = files.filter((name) => name.endsWith('.json')).length
    return length >= 2 && kept === length && length
  }, 'events to wait on the disk')
  await server.stop('SIGKILL')

  receiver.received.length = 0
  receiver.answer = (response) => response.writeHead(204).end()
  const again = await startServer(registry.dir, options)
  await waitFor(() => receiver.received.length > pending, 'what was pending')
  const [first] = receiver.received
  expect(first?.event).toEqual(head?.event)
  expect(first?.headers['x-cutover-delivery']).toBe(head?.headers['x-cutover-delivery'])
  const boots = receiver.ids.map((id) => id.split('-')[0])
  expect(boots.slice(0, pending)).toEqual(Array.from({ length: pending }, () => boots[0]))
  expect(boots[pending]).not.toBe(boots[0])
  for (const { headers, body } of receiver.received) {
    const signed = `${String(headers['x-cutover-timestamp'])}.${body}`
    const hmac = createHmac('sha256', secret).update(signed).digest('hex')
    expect(headers['x-cutover-signature']).toBe(`sha256=${hmac}`)
  }
  await waitFor(
    async () => (await again.metric('cutover_webhook_queue_length')) === 0,
    'the queue to be empty',
  )
  expect(await deliveries(again, 'delivered')).toBe(receiver.received.length)

  for (const pid of again.enginePids()) process.kill(pid, 'SIGKILL')
  const ended = await waitFor(
    () => receiver.received.find(({ event }) => event.kind === 'engine.ended'),
    'the end of an engine',
  )
  expect(ended.event).toMatchObject({ model: 'm', version: 1, cause: 'crashed' })
  expect(await again.stop()).toBe(0)
  expect(readdirSync(path.join(cacheDir, 'outbox'))).toEqual([])
})

test('a webhook is told in one sentence why a version was rolled back', async () => {
  const registry = registryWith(['m', 1, 'class-1'])
  registry.setPolicy('m', {
    rollout: {
      strategy: 'canary',
      steps: [{ weight: 20, minRequests: 1000, minDuration: '10s' }],
      judge: { block: '200ms' },
    },
  })
  const receiver = await WebhookReceiver.start()
  const server = await startServer(registry.dir, { flags: ['--webhook-urls', receiver.url] })
  const load = startLoad(server.url, bright, 8)
  registry.add('m', 2, 'fail')
  const told = await waitFor(
    () => receiver.received.find(({ event }) => event.kind === 'rollout.rollingBack'),
    'the event',
  )
  expect((await load.stop()).failures).toEqual([])
  expect(told.event).toMatchObject({ model: 'm', version: 2, by: null })
  expect(told.event['text']).toMatch(/^m 1 → 2 rolled back at 20 %: errors .* after \d+ canary req/)
  expect(told.event['text']).toBe(server.events('rollout.rollingBack')[0]?.msg)
})

test('a webhook that never answers costs no request, and the server stops', async () => {
  const mute = await WebhookReceiver.start()
  mute.answer = () => {}
  const server = await startServer(registryWith(['m', 1, 'class-1']).dir, {
    flags: ['--webhook-urls', `${mute.url}, http://127.0.0.1:1/refuses`],
  })
  await waitFor(() => mute.received.length === 1, 'an attempt')
  await waitFor(async () => (await deliveries(server, 'retried')) > 0, 'a connection refused')
  const load = startLoad(server.url, dark, 8)
  await sleep(500)
  expect((await load.stop()).failures).toEqual([])
  expect(await server.stop()).toBe(0)
  const line = server.log.find(({ msg }) => msg.includes('tried again'))
  expect(line?.msg).toContain('http://127.0.0.1:1:')
  expect(JSON.stringify(server.log)).not.toContain('/refuses')
})

test.each(['ftp://host/', 'hooks.example', 'http://user:word@host/'])(
  'the address %s is refused by a sentence',
  async (url) => {
    const server = startServer(registryWith(['m', 1, 'class-1']).dir, {
      flags: ['--webhook-urls', url],
    })
    await expect(server).rejects.toThrow(/--webhook-urls: expected at most 10 http or https/)
  },
)

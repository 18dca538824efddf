import { spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'

import type { DeploymentEvent } from '../../../src/domain/events.ts'
import { EventHub } from '../../../src/telemetry/event-hub.ts'
import { Webhooks } from '../../../src/telemetry/webhooks/webhooks.ts'
import { temporaryDirectory } from '../../support/registry.ts'
import { waitFor } from '../../support/server.ts'
import { WebhookReceiver } from '../../support/webhook-receiver.ts'

const SECRET = 'a secret of 24 characters'

let outboxDir: string
let outcomes: string[]
let log: string[]
let open: Webhooks[]
beforeEach(() => {
  outboxDir = path.join(temporaryDirectory(), 'outbox')
  outcomes = []
  log = []
  open = []
})
afterEach(() => Promise.all(open.map((webhooks) => webhooks.close())))

async function openWebhooks(urls: readonly string[], more: object = {}): Promise<Webhooks> {
  const options = { urls, outboxDir, secret: SECRET, timeoutMs: 5_000, giveUpMs: 60_000 }
  const backoff = { firstMs: 5, maxMs: 20 }
  const logger = pino({ level: 'info' }, { write: (line: string) => log.push(line) })
  const host = { logger, onOutcome: (outcome: string) => outcomes.push(outcome) }
  const webhooks = await Webhooks.open({ ...options, backoff, ...more }, host)
  open.push(webhooks)
  return webhooks
}

/** To a receiver that is never well; a delivery is given up soon. */
async function openFailing() {
  const receiver = await WebhookReceiver.start()
  receiver.answer = (response) => response.writeHead(503).end()
  return { receiver, webhooks: await openWebhooks([receiver.url], { giveUpMs: 1_500 }) }
}

/** Sends so many events and returns their ids. */
function send(webhooks: Webhooks, count: number, event: Partial<DeploymentEvent> = {}): string[] {
  const hub = new EventHub()
  hub.subscribe((each) => webhooks.send(each))
  for (let version = 1; version <= count; version++) {
    const promoted = { kind: 'version.promoted', model: 'm', version, from: undefined, ...event }
    hub.deployment(promoted as DeploymentEvent)
  }
  return hub.after().events.map(({ id }) => id)
}

function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.json'),
  )
}

function logged(words: string): number {
  return log.filter((line) => line.includes(words)).length
}

/** What lies in the outbox belongs to a process that is gone, as after kill -9. */
function abandon(): void {
  const { pid } = spawnSync('true')
  for (const name of readdirSync(outboxDir)) {
    const gone = name.replace(`~${process.pid}~`, `~${pid}~`)
    renameSync(path.join(outboxDir, name), path.join(outboxDir, gone))
  }
}

test('an event arrives once, signed, in its shape, and leaves nothing behind', async () => {
  const receiver = await WebhookReceiver.start()
  const webhooks = await openWebhooks([receiver.url])
  const [id] = send(webhooks, 1)
  await waitFor(() => outcomes.length === 1, 'the delivery')
  expect(outcomes).toEqual(['delivered'])
  const [{ headers, body, event } = expect.fail()] = receiver.received
  expect(event).toMatchObject({ id, kind: 'version.promoted', model: 'm', version: 1 })
  expect(event['text']).toBe('m 1 takes the traffic')
  const timestamp = String(headers['x-cutover-timestamp'])
  expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60)
  const hmac = createHmac('sha256', SECRET).update(`${timestamp}.${body}`).digest('hex')
  expect(headers['x-cutover-signature']).toBe(`sha256=${hmac}`)
  expect(headers['content-type']).toBe('application/json')
  await webhooks.close()
  expect(readdirSync(outboxDir)).toEqual([])
})

test('only what people want to hear of is sent', async () => {
  const receiver = await WebhookReceiver.start()
  const webhooks = await openWebhooks([receiver.url], { secret: undefined })
  send(webhooks, 1, { kind: 'version.found' })
  send(webhooks, 1, { kind: 'engine.started', pid: 1 })
  send(webhooks, 1, { kind: 'version.rejected', code: 'VERSION_CORRUPT', reason: 'why' })
  await waitFor(() => outcomes.length === 1, 'the delivery')
  expect(receiver.received.map(({ event }) => event.kind)).toEqual(['version.rejected'])
  expect(receiver.received[0]?.headers['x-cutover-signature']).toBeUndefined()
})

test('words of strangers call nobody, and a huge event is cut', async () => {
  const receiver = await WebhookReceiver.start()
  const webhooks = await openWebhooks([receiver.url])
  const reason = `<!channel> & ${'é'.repeat(100_000)}`
  send(webhooks, 1, { kind: 'version.rejected', code: 'MODEL_UNLOADABLE', reason })
  await waitFor(() => outcomes.length === 1, 'the delivery')
  const [{ body, event } = expect.fail()] = receiver.received
  expect(event['text']).toContain('rejected: &lt;!channel> &amp; é')
  expect(body.length).toBeLessThan(32 * 1024)
})

test('what fails is tried again, in order, with the same name and a new signature', async () => {
  const receiver = await WebhookReceiver.start()
  receiver.answer = (response, attempt) => {
    if (attempt === 1) response.writeHead(500).end()
    else if (attempt === 2) response.socket?.resetAndDestroy()
    else if (attempt === 3) response.writeHead(429).end()
    else if (attempt === 4) response.socket?.destroy()
    else if (attempt > 5) response.writeHead(200).end('ok')
    // The fifth is never answered.
  }
  const webhooks = await openWebhooks([receiver.url])
  const ids = send(webhooks, 5)
  await waitFor(() => outcomes.filter((outcome) => outcome === 'delivered').length === 5, 'all')
  expect(receiver.ids).toEqual([...Array.from({ length: 5 }, () => ids[0]), ...ids])
  const names = receiver.received.map(({ headers }) => headers['x-cutover-delivery'])
  expect(new Set(names).size).toBe(5)
  expect(new Set(names.slice(0, 6)).size).toBe(1)
  expect(outcomes.filter((outcome) => outcome === 'retried')).toHaveLength(5)
  // One line when it begins and one when it ends, and no secret in either.
  expect(logged('tried again')).toBe(1)
  expect(logged('answers again')).toBe(1)
  expect(logged('s3cret')).toBe(0)
})

test.each([400, 404, 410, 301, 307])('after %i nothing is tried again', async (status) => {
  const elsewhere = await WebhookReceiver.start()
  const receiver = await WebhookReceiver.start()
  receiver.answer = (response, attempt) =>
    response.writeHead(attempt === 1 ? status : 204, { location: elsewhere.url }).end()
  const webhooks = await openWebhooks([receiver.url])
  const ids = send(webhooks, 2)
  await waitFor(() => outcomes.length === 2, 'both')
  expect(outcomes).toEqual(['refused', 'delivered'])
  expect(receiver.ids).toEqual(ids)
  expect(elsewhere.received).toEqual([])
  expect(logged(`it answered ${status}`)).toBe(1)
})

test('one that never answers delays its own events alone, and closing does not wait', async () => {
  const mute = await WebhookReceiver.start()
  mute.answer = () => {}
  const receiver = await WebhookReceiver.start()
  const webhooks = await openWebhooks([mute.url, receiver.url], { timeoutMs: 60_000 })
  const ids = send(webhooks, 20)
  await waitFor(() => outcomes.length === 20, 'the others')
  expect(receiver.ids).toEqual(ids)
  expect(mute.ids).toEqual([ids[0]])
  await waitFor(() => webhooks.length === 20, 'the last of them to be forgotten')
  await webhooks.close()
  expect(filesIn(outboxDir)).toHaveLength(20)
})

test('an answer without end is not read', async () => {
  const receiver = await WebhookReceiver.start()
  receiver.answer = (response) => response.writeHead(200).write('x'.repeat(1_000))
  const webhooks = await openWebhooks([receiver.url])
  const ids = send(webhooks, 2)
  await waitFor(() => outcomes.length === 2, 'both')
  expect(receiver.ids).toEqual(ids)
})

test('more than 1,000 push out the oldest, which is counted and logged once', async () => {
  const receiver = await WebhookReceiver.start()
  let release = () => {}
  receiver.answer = (response) => {
    receiver.answer = (next) => next.writeHead(204).end()
    release = () => response.writeHead(204).end()
  }
  const webhooks = await openWebhooks([receiver.url], { timeoutMs: 60_000 })
  const [first] = send(webhooks, 1)
  await waitFor(() => receiver.received.length === 1, 'the first attempt')
  const ids = send(webhooks, 1_003)
  expect(webhooks.length).toBe(1_000)
  expect(outcomes).toEqual(['dropped', 'dropped', 'dropped', 'dropped'])
  expect(logged('the oldest are dropped')).toBe(1)
  release()
  await waitFor(() => webhooks.length === 0, 'the rest')
  expect(receiver.ids).toEqual([first, ...ids.slice(-999)])
  expect(filesIn(outboxDir)).toEqual([])
})

test('what was tried for too long is given up', async () => {
  const { webhooks } = await openFailing()
  send(webhooks, 1)
  await waitFor(() => webhooks.length === 0, 'the end')
  expect(outcomes.slice(0, -1)).toContain('retried')
  expect(outcomes.at(-1)).toBe('expired')
})

test('what waited for too long is not sent all at once to who fails', async () => {
  const { receiver, webhooks } = await openFailing()
  send(webhooks, 50)
  await waitFor(() => webhooks.length === 0, 'the end')
  expect(outcomes.filter((outcome) => outcome === 'expired')).toHaveLength(50)
  expect(new Set(receiver.ids).size).toBe(1)
})

test('what a process left is sent by the next, before what is new and in order', async () => {
  const receiver = await WebhookReceiver.start()
  receiver.answer = (response) => response.writeHead(500).end()
  const first = await openWebhooks([receiver.url])
  const ids = send(first, 3)
  await first.close()
  abandon()
  const second = await openWebhooks([receiver.url])
  ids.push(...send(second, 2))
  await second.close()
  abandon()
  const [left = ''] = readdirSync(outboxDir)
  writeFileSync(path.join(outboxDir, left, '.0123'), 'half a fi')
  writeFileSync(path.join(outboxDir, left, 'nonsense.json'), '{"schema":')

  receiver.received.length = 0
  receiver.answer = (response) => response.writeHead(204).end()
  const third = await openWebhooks([receiver.url])
  ids.push(...send(third, 1))
  await waitFor(() => third.length === 0, 'all of them')
  expect(receiver.ids).toEqual(ids)
  expect(logged('was lost')).toBe(1)
  await third.close()
  expect(readdirSync(outboxDir)).toEqual([])
})

test('what belongs to a process that lives, or to another host, is left alone', async () => {
  const receiver = await WebhookReceiver.start()
  receiver.answer = (response) => response.writeHead(500).end()
  const first = await openWebhooks([receiver.url])
  send(first, 3)
  await waitFor(() => filesIn(outboxDir).length === 3, 'the files')
  mkdirSync(path.join(outboxDir, 'elsewhere~1~1~abcdef'))
  const { pid } = spawnSync('true')
  mkdirSync(path.join(outboxDir, `${os.hostname()}~${pid}~1~abcdef`))
  const second = await openWebhooks([receiver.url])
  expect(second.length).toBe(0)
  expect(filesIn(outboxDir)).toHaveLength(3)
  expect(existsSync(path.join(outboxDir, 'elsewhere~1~1~abcdef'))).toBe(true)
  expect(existsSync(path.join(outboxDir, `${os.hostname()}~${pid}~1~abcdef`))).toBe(false)
})

test('of two that start at once, one sends what is left', async () => {
  const receiver = await WebhookReceiver.start()
  receiver.answer = (response) => response.writeHead(500).end()
  const first = await openWebhooks([receiver.url])
  const ids = send(first, 3)
  await first.close()
  abandon()
  receiver.received.length = 0
  receiver.answer = (response) => response.writeHead(204).end()
  const both = await Promise.all([openWebhooks([receiver.url]), openWebhooks([receiver.url])])
  await waitFor(() => both.every(({ length }) => length === 0), 'all of them')
  expect(receiver.ids).toEqual(ids)
})

test('what is for a webhook that is not set any more is dropped', async () => {
  const receiver = await WebhookReceiver.start()
  receiver.answer = (response) => response.writeHead(500).end()
  const first = await openWebhooks([receiver.url])
  send(first, 2)
  await first.close()
  // Its address is a secret, and not on the disk.
  const texts = filesIn(outboxDir).map((name) => readFileSync(path.join(outboxDir, name), 'utf8'))
  expect(texts).toHaveLength(2)
  expect(texts.join()).not.toContain('s3cret')
  abandon()
  const second = await openWebhooks(['http://127.0.0.1:1/'])
  expect(second.length).toBe(0)
  expect(logged('not set any more')).toBe(1)
  expect(filesIn(outboxDir)).toEqual([])
})

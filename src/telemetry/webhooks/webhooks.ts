import { createHash } from 'node:crypto'

import type { Delivery } from '../../wire/delivery.ts'
import type { PublishedEvent } from '../event-hub.ts'
import { Outbox } from './outbox.ts'
import { type WebhookHost, type WebhookOptions, WebhookQueue } from './webhook-queue.ts'

const BODY_BYTES_MAX = 32 * 1024
const KINDS = /^(?:rollout\..+|version\.rejected|version\.promoted|engine\.ended)$/

export interface WebhooksOptions extends WebhookOptions {
  readonly urls: readonly string[]
  /** Where deliveries wait; shared by the servers of a machine. */
  readonly outboxDir: string
}

/** Sends the events that people want to hear of to every webhook. */
export class Webhooks {
  readonly #queues: ReadonlyMap<string, WebhookQueue>
  readonly #outbox: Outbox
  #sequence: number

  private constructor(outbox: Outbox, queues: ReadonlyMap<string, WebhookQueue>, sequence: number) {
    this.#outbox = outbox
    this.#queues = queues
    this.#sequence = sequence
  }

  /** Begins with what servers that ended left undelivered. Throws CONFIG_INVALID. */
  static async open(
    { urls, outboxDir, ...options }: WebhooksOptions,
    { logger, onOutcome }: Omit<WebhookHost, 'outbox'>,
  ): Promise<Webhooks> {
    const { outbox, adopted } = await Outbox.open(outboxDir, (sentence) => logger.warn(sentence))
    const host = { outbox, logger, onOutcome }
    const queues = new Map<string, WebhookQueue>()
    for (const url of urls) queues.set(targetOf(url), new WebhookQueue(url, options, host))
    for (const [target, queue] of queues) {
      queue.restore(adopted.filter((delivery) => delivery.target === target))
    }
    const orphans = adopted.filter(({ target }) => !queues.has(target))
    for (const delivery of orphans) await outbox.remove(delivery)
    if (orphans.length > 0) {
      const count = orphans.length
      logger.warn({ count }, `dropped ${count} events for webhooks that are not set any more`)
    }
    return new Webhooks(outbox, queues, (adopted.at(-1)?.sequence ?? -1) + 1)
  }

  /** Events that wait for an answer, of all webhooks. */
  get length(): number {
    return [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0)
  }

  send(event: PublishedEvent): void {
    if (!KINDS.test(event.kind)) return
    const body = bodyOf(event)
    const sequence = this.#sequence++
    for (const [target, queue] of this.#queues) {
      queue.add({ id: `${event.id}-${target}`, target, sequence, body } satisfies Delivery)
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()))
    await this.#outbox.close()
  }
}

/** Tells webhooks apart without naming them. */
function targetOf(url: string): string {
  return createHash('sha256').update(url).digest('hex').slice(0, 16)
}

/**
 * `text` is what Slack shows. It may hold words of strangers: unescaped, `<!channel>` would call
 * everybody (https://docs.slack.dev/messaging/formatting-message-text).
 */
function bodyOf({ text: plain, ...event }: PublishedEvent): string {
  const text = plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const body = JSON.stringify({ ...event, text })
  if (Buffer.byteLength(body) <= BODY_BYTES_MAX) return body
  const { id, time, kind, model, version } = event
  return JSON.stringify({ id, time, kind, model, version, text })
}

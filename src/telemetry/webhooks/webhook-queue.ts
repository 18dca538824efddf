import { setTimeout as sleep } from 'node:timers/promises'

import { type BackoffOptions, backoffMs } from '../../lib/backoff.ts'
import type { Delivery } from '../../wire/delivery.ts'
import type { Logger } from '../logger.ts'
import type { Outbox } from './outbox.ts'
import { post } from './post.ts'

const LENGTH_MAX = 1_000
const CLOSE_GRACE_MS = 2_000

/** `dropped`: too many were waiting; `expired`: tried for too long. */
export type DeliveryOutcome = 'delivered' | 'retried' | 'refused' | 'expired' | 'dropped'

export interface WebhookOptions {
  readonly secret: string | undefined
  readonly timeoutMs: number
  readonly backoff: BackoffOptions
  /** How long a delivery waits in a process while its webhook fails, by a clock that does not jump. */
  readonly giveUpMs: number
}

export interface WebhookHost {
  readonly outbox: Outbox
  readonly logger: Logger
  readonly onOutcome: (outcome: DeliveryOutcome) => void
}

interface Waiting {
  readonly delivery: Delivery
  /** Settled when it is on the disk: it is not sent before. */
  readonly saved: Promise<void>
  readonly since: number
}

/**
 * One webhook: sends its deliveries one after the other, in their order, so that one that does not
 * answer delays its own alone. At least once: a process that dies after it sent one sends it again.
 */
export class WebhookQueue {
  readonly #url: string
  /** For the log: the path of a webhook is often its secret. */
  readonly #origin: string
  readonly #options: WebhookOptions
  readonly #host: WebhookHost
  readonly #waiting: Waiting[] = []
  readonly #stopping = new AbortController()
  readonly #closing = new AbortController()
  #sending: Waiting | undefined
  #failures = 0
  #dropped = 0
  #work: Promise<void> | undefined

  constructor(url: string, options: WebhookOptions, host: WebhookHost) {
    this.#url = url
    this.#origin = new URL(url).origin
    this.#options = options
    this.#host = host
  }

  get length(): number {
    return this.#waiting.length
  }

  /** Takes over what is on the disk already. */
  restore(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#enqueue(delivery, Promise.resolve())
  }

  add(delivery: Delivery): void {
    this.#enqueue(delivery, this.#host.outbox.save(delivery))
  }

  /** An attempt that has begun gets a moment to end; what is left stays in the outbox. */
  async close(): Promise<void> {
    this.#closing.abort()
    const timer = setTimeout(() => this.#stopping.abort(), CLOSE_GRACE_MS)
    await this.#work
    clearTimeout(timer)
    await Promise.all(this.#waiting.map(({ saved }) => saved))
  }

  #enqueue(delivery: Delivery, saved: Promise<void>): void {
    this.#waiting.push({ delivery, saved, since: performance.now() })
    if (this.#waiting.length > LENGTH_MAX) this.#dropOldest()
    if (this.#closing.signal.aborted) return
    this.#work ??= this.#run().finally(() => (this.#work = undefined))
  }

  #dropOldest(): void {
    const [dropped] = this.#waiting.splice(this.#waiting[0] === this.#sending ? 1 : 0, 1)
    if (dropped === undefined) return
    void this.#forget(dropped, 'dropped')
    if (this.#dropped++ === 0) {
      this.#warn(`more than ${LENGTH_MAX} events are waiting: the oldest are dropped`)
    }
  }

  async #run(): Promise<void> {
    for (let head = this.#waiting[0]; head !== undefined; head = this.#waiting[0]) {
      if (this.#closing.signal.aborted) return
      this.#sending = head
      await head.saved
      const retryAfterMs = this.#isTooOld(head)
        ? await this.#expire(head)
        : await this.#attempt(head)
      this.#sending = undefined
      if (retryAfterMs === undefined) this.#waiting.shift()
      else await this.#pause(retryAfterMs)
    }
  }

  /** While the webhook fails, what has waited for too long is not even sent. */
  #isTooOld({ since }: Waiting): boolean {
    return this.#failures > 0 && performance.now() - since > this.#options.giveUpMs
  }

  async #expire(head: Waiting): Promise<undefined> {
    this.#warn('an event is given up, it was tried for too long', head)
    await this.#forget(head, 'expired')
  }

  /** Undefined when a delivery is done with, else the least time until it is tried again. */
  async #attempt(head: Waiting): Promise<number | undefined> {
    const { secret, timeoutMs } = this.#options
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#stopping.signal])
    const attempt = await post(this.#url, head.delivery, { secret, signal })
    switch (attempt.kind) {
      case 'delivered':
        this.#recovered()
        await this.#forget(head, 'delivered')
        return undefined
      case 'refused':
        this.#warn(`an event is given up: ${attempt.reason}`, head)
        await this.#forget(head, 'refused')
        return undefined
      case 'failed':
        if (this.#stopping.signal.aborted) return 0
        this.#host.onOutcome('retried')
        if (this.#failures++ === 0) {
          this.#warn(`it is tried again until it answers: ${attempt.reason}`, head)
        }
        return attempt.retryAfterMs
    }
  }

  async #pause(leastMs: number): Promise<void> {
    const delayMs = Math.max(leastMs, backoffMs(this.#failures, this.#options.backoff))
    // Aborted when the server stops.
    await sleep(delayMs, undefined, { signal: this.#closing.signal }).catch(() => undefined)
  }

  #recovered(): void {
    if (this.#failures > 0) {
      const [failures, dropped] = [this.#failures, this.#dropped]
      const sentence = `the webhook at ${this.#origin} answers again`
      this.#host.logger.info({ webhook: this.#origin, failures, dropped }, sentence)
    }
    this.#failures = 0
    this.#dropped = 0
  }

  async #forget({ delivery, saved }: Waiting, outcome: DeliveryOutcome): Promise<void> {
    this.#host.onOutcome(outcome)
    await saved
    await this.#host.outbox.remove(delivery)
  }

  #warn(sentence: string, head?: Waiting): void {
    const details = { webhook: this.#origin, delivery: head?.delivery.id }
    this.#host.logger.warn(details, `the webhook at ${this.#origin}: ${sentence}`)
  }
}

import { randomBytes } from 'node:crypto'

import type { DeploymentEvent } from '../domain/events.ts'
import type { RolloutEvent } from '../domain/rollout.ts'
import { sentenceOf } from './event-log.ts'

const EVENTS_MAX = 1_000
const TEXT_LENGTH_MAX = 2_000

/** An event as it goes out: what every kind has, and what is known of it beyond. */
export interface PublishedEvent {
  /** `BOOT-NUMBER`: rises by one with every event of this process. */
  readonly id: string
  readonly time: string
  readonly kind: string
  readonly model: string
  readonly version: number | null
  /** For a person. */
  readonly text: string
  readonly [detail: string]: unknown
}

export interface EventPage {
  readonly events: readonly PublishedEvent[]
  /** Events after `since` are not kept any more, or it is of another process. */
  readonly missed: boolean
}

/**
 * The newest events of this process. Who listens is only told that there is something to read, so
 * one that is slow costs no memory: what it did not read in time is gone.
 */
export class EventHub {
  readonly #boot = randomBytes(6).toString('hex')
  readonly #events: PublishedEvent[] = []
  readonly #listeners = new Set<(event: PublishedEvent) => void>()
  #count = 0

  /** Steps of a load are progress, for a terminal: they would push everything else out. */
  deployment(event: DeploymentEvent): void {
    if (event.kind === 'version.step') return
    const { kind, model, version, ...details } = event
    const time = new Date().toISOString()
    this.#publish({ time, kind, model, version, text: sentenceOf(event) }, details)
  }

  rollout({ kind, model, version, text, at: time, ...details }: RolloutEvent): void {
    this.#publish({ time, kind, model, version, text }, details)
  }

  /** The id of the newest event; one before the first, where there is none. */
  get lastId(): string {
    return this.#idOf(this.#count)
  }

  /** What is kept of the events after the one with the id `since`, the oldest first. */
  after(since?: string): EventPage {
    if (since === undefined) return { events: [...this.#events], missed: false }
    const seen = this.#numberOf(since)
    const dropped = this.#count - this.#events.length
    if (seen === undefined || seen < dropped) return { events: [...this.#events], missed: true }
    return { events: this.#events.slice(seen - dropped), missed: false }
  }

  /** `listener` must not wait and must not throw. Returns what ends it. */
  subscribe(listener: (event: PublishedEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #publish(
    { text, ...common }: Omit<PublishedEvent, 'id'> & { readonly text: string },
    details: object,
  ): void {
    const id = this.#idOf(++this.#count)
    const event = { id, ...common, text: cut(text), ...details } as PublishedEvent
    this.#events.push(event)
    if (this.#events.length > EVENTS_MAX) this.#events.shift()
    for (const listener of this.#listeners) listener(event)
  }

  #idOf(count: number): string {
    return `${this.#boot}-${count}`
  }

  /** Undefined for an id that this process never gave. */
  #numberOf(id: string): number | undefined {
    const [, boot, digits] = /^([0-9a-f]+)-(\d{1,15})$/.exec(id) ?? []
    const number = Number(digits)
    return boot === this.#boot && number <= this.#count ? number : undefined
  }
}

function cut(text: string): string {
  return text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX - 1)}…` : text
}

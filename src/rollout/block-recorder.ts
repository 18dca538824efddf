import {
  type ArmCounts,
  type Block,
  EDGE_QUANTILES,
  type LatencyCounts,
  type Place,
  type Reference,
  type Stratum,
} from '../domain/evidence.ts'
import { isBlockComplete, stratumOf } from './judge/block.ts'

/** How a request ended, as far as it says something about the version that ran it. */
export type Outcome =
  | {
      readonly kind: 'answered'
      readonly place: Place
      readonly serviceMs: number
      /** The best class, if the answer has classes. */
      readonly classIndex?: number | undefined
    }
  /** NaN, infinite, or not of the promised shape. */
  | { readonly kind: 'invalid' }
  /** The engine failed it, or ran too long. Of the requests that one crash took along, one. */
  | {
      readonly kind: 'failed'
      /** Where it ran and for how long at the least, if it was not waited for any longer. */
      readonly ran?: { readonly place: Place; readonly serviceMs: number }
    }
  /** The client's fault, a deadline that passed in the queue, another victim of one crash. */
  | { readonly kind: 'excused' }

/** Without a request for longer, time does not count: an hour of silence shows nothing. */
const PAUSE_MS_MAX = 60_000

export interface BlockStart {
  readonly trial: string
  readonly weight: number
  readonly reference: Reference | null
  /** By a monotonic clock. */
  readonly startedMs: number
}

/**
 * Counts one block. A request belongs to the block that was open when it was dispatched, however
 * late it ends, so a block is handed over after its last request: what takes long is not lost.
 */
export class BlockRecorder {
  readonly #start: BlockStart
  readonly #arms: { readonly stable: Arm; readonly canary: Arm }
  #dispatched = 0
  #pending = 0
  /** From its start to its last request, without most of the time in which there was none. */
  #activeMs = 0
  #lastMs: number
  #durationMs: number | undefined

  constructor(start: BlockStart) {
    this.#start = start
    this.#lastMs = start.startedMs
    const { reference, weight } = start
    this.#arms = { stable: new Arm(reference, weight), canary: new Arm(reference, weight) }
  }

  /**
   * Notes a request as it is dispatched. Call what it returns once, when the request has ended.
   * `isCold`: the time that it takes says nothing of the version.
   */
  begin(track: 'stable' | 'canary', nowMs: number, isCold = false): (outcome: Outcome) => void {
    this.#goOn(nowMs)
    this.#dispatched++
    this.#pending++
    return (outcome) => {
      this.#pending--
      this.#arms[track].add(outcome, isCold)
    }
  }

  isComplete(nowMs: number, blockMs: number): boolean {
    const seen = { elapsedMs: nowMs - this.#start.startedMs, requests: this.#dispatched }
    return isBlockComplete(seen, this.#start.weight, blockMs)
  }

  /** No request is dispatched in it any more. */
  close(nowMs: number): void {
    if (this.#durationMs !== undefined) return
    this.#goOn(nowMs)
    this.#durationMs = this.#activeMs
  }

  #goOn(nowMs: number): void {
    this.#activeMs += Math.min(PAUSE_MS_MAX, nowMs - this.#lastMs)
    this.#lastMs = nowMs
  }

  /** The block, once it is closed and all its requests have ended. */
  get block(): Block | undefined {
    if (this.#durationMs === undefined || this.#pending > 0) return undefined
    const { trial, weight } = this.#start
    const { stable, canary } = this.#arms
    return {
      trial,
      weight,
      durationMs: this.#durationMs,
      stable: stable.counts,
      canary: canary.counts,
    }
  }
}

class Arm {
  readonly #reference: Reference | null
  readonly #weight: number
  readonly #latency: Partial<Record<Stratum, { requests: number; slower: number[] }>> = {}
  readonly #classes: number[]
  #requests = 0
  #errors = 0
  #invalid = 0

  constructor(reference: Reference | null, weight: number) {
    this.#reference = reference
    this.#weight = weight
    this.#classes = reference === null ? [] : [...reference.classes.map(() => 0), 0]
  }

  add(outcome: Outcome, isCold: boolean): void {
    if (outcome.kind === 'excused') return
    this.#requests++
    switch (outcome.kind) {
      case 'failed':
        this.#errors++
        if (!isCold && outcome.ran !== undefined) this.#addLatency(outcome.ran)
        break
      case 'invalid':
        this.#invalid++
        break
      case 'answered':
        if (!isCold) this.#addLatency(outcome)
        if (outcome.classIndex !== undefined) this.#addClass(outcome.classIndex)
        break
    }
  }

  get counts(): ArmCounts {
    const latency: Readonly<Partial<Record<Stratum, LatencyCounts>>> = this.#latency
    return {
      requests: this.#requests,
      errors: this.#errors,
      invalid: this.#invalid,
      latency,
      classes: this.#classes,
    }
  }

  #addLatency({ place, serviceMs }: { readonly place: Place; readonly serviceMs: number }) {
    const stratum = stratumOf(place, this.#weight)
    const edges = this.#reference?.latencyEdgesMs[stratum]
    if (edges === undefined) return
    const counts = (this.#latency[stratum] ??= {
      requests: 0,
      slower: EDGE_QUANTILES.map(() => 0),
    })
    counts.requests++
    for (const [index, edge] of edges.entries()) {
      if (serviceMs > edge) counts.slower[index] = (counts.slower[index] ?? 0) + 1
    }
  }

  #addClass(classIndex: number): void {
    const classes = this.#reference?.classes
    if (classes === undefined) return
    const position = classes.indexOf(classIndex)
    const place = position === -1 ? classes.length : position
    this.#classes[place] = (this.#classes[place] ?? 0) + 1
  }
}

import {
  type ArmCounts,
  type Block,
  type Reference,
  STRATA,
  type Stratum,
} from '../domain/evidence.ts'
import { isBlockComplete } from './judge/block.ts'

/** Answers of a candidate that say nothing of its latency: its caches are cold. */
const COLD_ANSWERS = 20
/** Blocks that nobody took. Beyond, nothing more is recorded. */
const BLOCKS_MAX = 1_000

export type Arm = 'stable' | 'canary'

/** How a request ended, as far as it says something of the version that had it. */
export type RequestOutcome =
  | {
      readonly kind: 'answered'
      readonly serviceMs: number
      readonly stratum: Stratum
      readonly classIndex: number | undefined
    }
  | { readonly kind: 'error' }
  | { readonly kind: 'invalid' }
  /** The client's doing, or that of a queue. */
  | { readonly kind: 'ignored' }

/** What is being compared, and since when. */
export interface TrialView {
  readonly trial: string
  readonly weight: number
  readonly blockMs: number
  readonly reference: Reference | null
}

interface GrowingArm {
  requests: number
  errors: number
  invalid: number
  readonly latency: Map<Stratum, { requests: number; slower: number[] }>
  readonly classes: number[]
}

interface OpenBlock {
  readonly view: TrialView
  readonly startedAt: number
  readonly arms: Readonly<Record<Arm, GrowingArm>>
  dispatched: number
  unfinished: number
  endedAt: number | undefined
}

/**
 * Counts outcomes into blocks. A request belongs to the block in which it was dispatched, and a
 * block is given away only when all of its requests have ended, so that the slow ones count.
 */
export class TrialRecorder {
  readonly #onBlock: () => void
  readonly #now: () => number
  #view: TrialView | undefined
  #block: OpenBlock | undefined
  #coldLeft = COLD_ANSWERS
  #complete: Block[] = []

  constructor(onBlock: () => void, now: () => number = () => performance.now()) {
    this.#onBlock = onBlock
    this.#now = now
  }

  /** From now on this is compared; undefined: nothing. */
  watch(view: TrialView | undefined): void {
    if (view?.trial !== this.#view?.trial) {
      this.#complete = []
      this.#coldLeft = COLD_ANSWERS
    }
    const isSame =
      view?.trial === this.#view?.trial &&
      view?.weight === this.#view?.weight &&
      view?.reference === this.#view?.reference
    this.#view = view
    if (!isSame) this.#close()
  }

  /** Called when a request is dispatched; what it returns is called when the request has ended. */
  begin(arm: Arm, trial: string): ((outcome: RequestOutcome) => void) | undefined {
    const view = this.#view
    if (view?.trial !== trial || this.#complete.length >= BLOCKS_MAX) return undefined
    const block = (this.#block ??= this.#open(view))
    block.dispatched++
    block.unfinished++
    return (outcome) => {
      this.#count(block, arm, outcome)
      block.unfinished--
      this.#settle(block)
      if (this.#block === block) this.#closeIfDue(block)
    }
  }

  /** Blocks that are complete; they stay until `drop` is told of them. */
  get complete(): readonly Block[] {
    return this.#complete
  }

  drop(blocks: readonly Block[]): void {
    this.#complete = this.#complete.filter((block) => !blocks.includes(block))
  }

  #open(view: TrialView): OpenBlock {
    return {
      view,
      startedAt: this.#now(),
      arms: { stable: emptyArm(view), canary: emptyArm(view) },
      dispatched: 0,
      unfinished: 0,
      endedAt: undefined,
    }
  }

  #closeIfDue({ view, startedAt, dispatched }: OpenBlock): void {
    const elapsedMs = this.#now() - startedAt
    const so = { elapsedMs, requests: dispatched }
    if (isBlockComplete(so, view.weight, view.blockMs)) this.#close()
  }

  #close(): void {
    const block = this.#block
    this.#block = undefined
    if (block === undefined) return
    block.endedAt = this.#now()
    this.#settle(block)
  }

  #settle({ view, arms, startedAt, endedAt, unfinished }: OpenBlock): void {
    if (endedAt === undefined || unfinished > 0 || view.trial !== this.#view?.trial) return
    this.#complete.push({
      trial: view.trial,
      weight: view.weight,
      durationMs: endedAt - startedAt,
      stable: countsOf(arms.stable),
      canary: countsOf(arms.canary),
    })
    this.#onBlock()
  }

  #count({ view, arms }: OpenBlock, arm: Arm, outcome: RequestOutcome): void {
    const counts = arms[arm]
    if (outcome.kind === 'ignored') return
    counts.requests++
    if (outcome.kind === 'error') counts.errors++
    if (outcome.kind === 'invalid') counts.invalid++
    if (outcome.kind !== 'answered') return
    const { stratum, serviceMs, classIndex } = outcome
    const classes = view.reference?.classes ?? []
    if (classIndex !== undefined && view.reference !== null) {
      const place = classes.indexOf(classIndex)
      const at = place < 0 ? classes.length : place
      counts.classes[at] = (counts.classes[at] ?? 0) + 1
    }
    if (arm === 'canary' && this.#coldLeft > 0) {
      this.#coldLeft--
      return
    }
    const edges = view.reference?.latencyEdgesMs[stratum]
    if (edges === undefined) return
    const latency = counts.latency.get(stratum) ?? { requests: 0, slower: edges.map(() => 0) }
    latency.requests++
    for (const [index, edge] of edges.entries()) {
      if (serviceMs > edge) latency.slower[index] = (latency.slower[index] ?? 0) + 1
    }
    counts.latency.set(stratum, latency)
  }
}

function emptyArm({ reference }: TrialView): GrowingArm {
  const classes = reference === null ? [] : [...reference.classes, -1].map(() => 0)
  return { requests: 0, errors: 0, invalid: 0, latency: new Map(), classes }
}

function countsOf({ requests, errors, invalid, latency, classes }: GrowingArm): ArmCounts {
  const strata = STRATA.flatMap((stratum) => {
    const counts = latency.get(stratum)
    return counts === undefined ? [] : [[stratum, counts] as const]
  })
  return { requests, errors, invalid, latency: Object.fromEntries(strata), classes }
}

import type { Block, Reference } from '../domain/evidence.ts'
import type { RolloutStatus } from '../domain/rollout-status.ts'
import { ArmTrafficRecorder } from './arm-traffic.ts'
import { BlockRecorder, type Outcome } from './block-recorder.ts'

/**
 * Requests of a candidate that say nothing of its latency: its caches are cold. They are the first
 * that are dispatched, however they end: among the first answers there would be no time-out.
 */
const COLD_REQUESTS = 20
/** Blocks that nobody took. Beyond, nothing more is recorded. */
const BLOCKS_MAX = 1_000

export type Arm = 'stable' | 'canary'

/** What is being compared, and since when. */
export interface TrialView {
  readonly trial: string
  readonly weight: number
  readonly blockMs: number
  readonly reference: Reference | null
}

/** Has the blocks of a trial recorded one after the other, and keeps those that are whole. */
export class TrialRecorder {
  readonly #onBlock: () => void
  #view: TrialView | undefined
  /** The last one that was compared. */
  #trial: string | undefined
  #open: BlockRecorder | undefined
  /** Closed, with requests that have not ended. */
  readonly #ending = new Set<BlockRecorder>()
  #coldLeft = COLD_REQUESTS
  #complete: Block[] = []
  #traffic = newTraffic()

  /** `onBlock` is called when a block is whole. */
  constructor(onBlock: () => void) {
    this.#onBlock = onBlock
  }

  /** From now on this is compared; undefined: nothing. */
  watch(view: TrialView | undefined): void {
    const before = this.#view
    if (view !== undefined && view.trial !== before?.trial) {
      this.#coldLeft = COLD_REQUESTS
      this.#traffic = newTraffic()
      // While nothing is compared, what was seen of a trial is kept: it may go on.
      if (view.trial !== this.#trial) {
        this.#complete = []
        this.#ending.clear()
        this.#open = undefined
      }
      this.#trial = view.trial
    }
    const isSame = view?.weight === before?.weight && view?.reference === before?.reference
    this.#view = view
    if (!isSame) this.#close()
  }

  /** Called when a request is dispatched; what it returns is called when the request has ended. */
  begin(arm: Arm, trial: string): ((outcome: Outcome) => void) | undefined {
    const view = this.#view
    if (view?.trial !== trial || this.#complete.length >= BLOCKS_MAX) return undefined
    const nowMs = performance.now()
    const block = (this.#open ??= new BlockRecorder({ ...view, startedMs: nowMs }))
    const isCold = arm === 'canary' && this.#coldLeft-- > 0
    const ended = block.begin(arm, nowMs, isCold)
    return (outcome) => {
      this.#traffic[arm].add(outcome, performance.now())
      ended(outcome)
      if (block === this.#open && block.isComplete(performance.now(), view.blockMs)) this.#close()
      else this.#settle(block)
    }
  }

  /** What both arms do now; null: nothing is compared. */
  get traffic(): RolloutStatus['traffic'] {
    if (this.#view === undefined) return null
    const { stable, canary } = this.#traffic
    const nowMs = performance.now()
    return { stable: stable.traffic(nowMs), canary: canary.traffic(nowMs) }
  }

  /** Blocks that are whole; they stay until `drop` is told of them. */
  get complete(): readonly Block[] {
    return this.#complete
  }

  drop(blocks: readonly Block[]): void {
    this.#complete = this.#complete.filter((block) => !blocks.includes(block))
  }

  #close(): void {
    const block = this.#open
    if (block === undefined) return
    this.#open = undefined
    block.close(performance.now())
    this.#ending.add(block)
    this.#settle(block)
  }

  #settle(recorder: BlockRecorder): void {
    const { block } = recorder
    if (block === undefined || !this.#ending.delete(recorder)) return
    this.#complete.push(block)
    this.#onBlock()
  }
}

function newTraffic() {
  return { stable: new ArmTrafficRecorder(), canary: new ArmTrafficRecorder() }
}

import { setImmediate as nextTurn } from 'node:timers/promises'

import type { NamedTensors } from '../../domain/tensor.ts'
import type { RunOptions } from '../backends/backend.ts'
import { areJoinable, batchSizes, joinRows, rowsOf, splitRows } from './rows.ts'

export interface BatchOptions {
  /** Rows that one run may have at the most; a request of more runs by itself. */
  readonly sizeMax: number
  /**
   * Whether a run is filled up with rows of zeros to one of the sizes that the warm-up ran: a GPU
   * chooses its kernels anew, in up to a second, for each size that it has not met.
   */
  readonly isPadded: boolean
}

/** What one run gave. */
export interface Ran {
  readonly outputs: NamedTensors
  readonly inferenceMs: number
}

/** What one request got out of a run. */
export interface RanTogether extends Ran {
  /** How many requests the run was for. */
  readonly sharedBy: number
}

interface Waiting {
  readonly inputs: NamedTensors
  readonly options: RunOptions
  /** 0: it runs by itself. */
  readonly rows: number
  readonly resolve: (ran: RanTogether) => void
  readonly reject: (error: unknown) => void
}

/**
 * Requests that wait at the same time, joined along their first dimension into one run.
 *
 * Nothing waits in order to be joined: a run takes what has come while the one before it ran.
 * Guarantees: the first that came is in the next run; each gets its own rows; where a joined run
 * fails, each of its requests runs again by itself, so that only the culprit fails.
 */
export class BatchQueue {
  readonly #run: (inputs: NamedTensors, options: RunOptions) => Promise<Ran>
  readonly #sizeMax: number
  readonly #sizes: readonly number[]
  #waiting: Waiting[] = []
  #isWorking = false

  constructor(
    run: (inputs: NamedTensors, options: RunOptions) => Promise<Ran>,
    { sizeMax, isPadded }: BatchOptions,
  ) {
    this.#run = run
    this.#sizeMax = sizeMax
    this.#sizes = isPadded ? batchSizes(sizeMax) : []
  }

  /** Rejects as the run does. */
  run(inputs: NamedTensors, options: RunOptions): Promise<RanTogether> {
    return new Promise((resolve, reject) => {
      const given = options.signature === undefined ? (rowsOf(inputs) ?? 0) : 0
      const rows = given <= this.#sizeMax ? given : 0
      this.#waiting.push({ inputs, options, rows, resolve, reject })
      if (this.#isWorking) return
      this.#isWorking = true
      void this.#work()
    })
  }

  async #work(): Promise<void> {
    do {
      // What has arrived is read first.
      await nextTurn()
      const first = this.#waiting.shift()
      if (first === undefined) break
      if (first.rows === 0) await this.#byItself(first)
      else await this.#together([first, ...this.#takeWhatJoins(first)])
    } while (this.#waiting.length > 0)
    this.#isWorking = false
  }

  /** In the order they came, as many as there is room for. */
  #takeWhatJoins(first: Waiting): Waiting[] {
    let room = this.#sizeMax - first.rows
    const joining: Waiting[] = []
    const left: Waiting[] = []
    for (const waiting of this.#waiting) {
      const { rows } = waiting
      const joins = rows > 0 && rows <= room && isSameWork(first, waiting)
      if (joins) room -= rows
      ;(joins ? joining : left).push(waiting)
    }
    this.#waiting = left
    return joining
  }

  /** Each has rows, all of them together no more than a run may have. */
  async #together(batch: readonly [Waiting, ...Waiting[]]): Promise<void> {
    const [first] = batch
    const rowsEach = batch.map(({ rows }) => rows)
    const wanted = rowsEach.reduce((sum, rows) => sum + rows, 0)
    const rows = this.#sizes.find((size) => size >= wanted) ?? wanted
    if (batch.length === 1 && rows === wanted) return this.#byItself(first)
    try {
      const inputs = joinRows(
        batch.map((each) => each.inputs),
        rows,
      )
      const ran = await this.#run(inputs, { ...first.options, alone: false })
      const parts = splitRows(ran.outputs, rowsEach, rows)
      if (parts === undefined) throw new Error('an output has not a row for each of the inputs')
      for (const [index, outputs] of parts.entries()) {
        batch[index]?.resolve({ ...ran, outputs, sharedBy: batch.length })
      }
    } catch {
      for (const each of batch) await this.#byItself(each)
    }
  }

  async #byItself({ inputs, options, resolve, reject }: Waiting): Promise<void> {
    try {
      resolve({ ...(await this.#run(inputs, options)), sharedBy: 1 })
    } catch (error) {
      reject(error)
    }
  }
}

function isSameWork(one: Waiting, other: Waiting): boolean {
  const outputs = one.options.outputs
  const others = other.options.outputs
  return (
    outputs?.length === others?.length &&
    (outputs ?? []).every((name, index) => name === others?.[index]) &&
    areJoinable(one.inputs, other.inputs)
  )
}

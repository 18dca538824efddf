import type { Sliced } from '../../lib/in-slices.ts'
import { Byte } from './bytes.ts'
import type { ElementSink } from './elements.ts'
import type { JsonReader } from './reader.ts'

const DEPTH_MAX = 1000

/** What an array of arrays turned out to be. */
export interface ArrayRead {
  readonly count: number
  /** Its sizes from the outside in, or undefined where rows differ in length or depth. */
  readonly shape: readonly number[] | undefined
}

/**
 * Reads an array, nested or flat, straight into the sink. One element more than `countMax` ends it
 * with an error, so that nobody makes the server hold more than was announced. The sink gets
 * indices from `indexFrom` on.
 */
export function* readArray(
  reader: JsonReader,
  sink: ElementSink,
  countMax: number,
  indexFrom = 0,
): Sliced<ArrayRead> {
  const levels = new Levels()
  let count = 0
  reader.expect(Byte.ArrayOpen)
  levels.open()
  let justOpened = true
  for (;;) {
    if (reader.isDue()) yield
    if (reader.take(Byte.ArrayOpen)) {
      if (levels.depth >= DEPTH_MAX) throw reader.wrong(`arrays nest deeper than ${DEPTH_MAX}`)
      levels.open()
      justOpened = true
      continue
    }
    if (!justOpened || reader.peek() !== Byte.ArrayClose) {
      if (count >= countMax) throw sink.wrong(count, `one more than the ${countMax} of the shape`)
      sink.read(reader, indexFrom + count)
      count++
      levels.element()
    }
    justOpened = false
    while (reader.take(Byte.ArrayClose)) {
      levels.close()
      if (levels.depth === 0) return { count, shape: levels.shape }
    }
    reader.expect(Byte.Comma)
  }
}

/** Watches whether nested arrays form a tensor. */
class Levels {
  /** Of each open level, how many things it holds so far. */
  readonly #counts: number[] = []
  /** Of each level, how many things an array of it holds; the first to close decides. */
  readonly #sizes: number[] = []
  #leafDepth = -1
  #isRegular = true

  get depth(): number {
    return this.#counts.length
  }

  get shape(): readonly number[] | undefined {
    return this.#isRegular ? this.#sizes : undefined
  }

  open(): void {
    this.#count()
    this.#counts.push(0)
    if (this.#leafDepth >= 0 && this.depth > this.#leafDepth) this.#isRegular = false
  }

  element(): void {
    this.#count()
    if (this.#leafDepth < 0) this.#leafDepth = this.depth
    else if (this.#leafDepth !== this.depth) this.#isRegular = false
  }

  close(): void {
    const size = this.#counts.pop() ?? 0
    this.#sizes[this.depth] ??= size
    if (this.#sizes[this.depth] !== size) this.#isRegular = false
  }

  #count(): void {
    const last = this.depth - 1
    if (last >= 0) this.#counts[last] = (this.#counts[last] ?? 0) + 1
  }
}

import { CutoverError } from '../../domain/errors.ts'
import { elementCount, type Tensor } from '../../domain/tensor.ts'
import { bytesIn, stringsIn } from '../../domain/tensor-strings.ts'
import { numbersOf, viewOf } from '../../domain/tensor-view.ts'
import type { Sliced } from '../../lib/in-slices.ts'
import { SliceCounter } from '../slice-counter.ts'

const SLICE_ELEMENTS = 4096
/** An output of strings so named holds bytes and not text. */
const BYTES_SUFFIX = '_bytes'
/** Lists that a tensor without elements may take: it costs the model nothing to make it of millions. */
const EMPTY_LISTS_MAX = 100_000
/** Digits that tell every float32 apart, and those that most need. */
const FLOAT32_DIGITS = 9
const FLOAT32_DIGITS_FEW = 6

/** Writes elements of a tensor as arrays within arrays, of the dimensions from `axis` on. */
export class TensorWriter {
  readonly #text: string[]
  readonly #nextElement: () => string
  /** Of a value without elements, all of its text. */
  readonly #empty: string | undefined
  /** The innermost arrays of a value, or its one element, and how many elements each has. */
  readonly #rows: number
  readonly #rowLength: number
  /** After how many rows the arrays of each dimension end, from the inside. */
  readonly #ends: readonly number[]
  readonly #open: string
  readonly #close: string
  /** Over all values: a tensor of a million elements may have one in each. */
  readonly #slices = new SliceCounter(SLICE_ELEMENTS)

  constructor(name: string, tensor: Tensor, axis: number, text: string[]) {
    const inner = tensor.shape.slice(axis)
    const count = elementCount(inner)
    this.#text = text
    this.#nextElement = elementWriter(name, tensor)
    if (count === 0) checkLists(name, tensor.shape)
    this.#empty = count === 0 ? emptyOf(inner) : undefined
    this.#rowLength = inner.at(-1) ?? 1
    this.#rows = count / this.#rowLength
    this.#ends = inner.map((_, i) => elementCount(inner.slice(i, -1))).toReversed()
    this.#open = '['.repeat(inner.length)
    this.#close = ']'.repeat(inner.length)
  }

  /** The next elements, as a value of these dimensions. */
  *write(): Sliced<void> {
    if (this.#empty !== undefined) {
      this.#text.push(this.#empty)
      if (this.#slices.isDueAfter(1)) yield
      return
    }
    for (let row = 0; row < this.#rows; row++) {
      let head = row > 0 ? this.#between(row) : this.#open
      for (let at = 0; at < this.#rowLength; at += SLICE_ELEMENTS) {
        const count = Math.min(this.#rowLength - at, SLICE_ELEMENTS)
        this.#text.push(head + this.#elements(count))
        head = ','
        if (this.#slices.isDueAfter(count)) yield
      }
    }
    this.#text.push(this.#close)
  }

  /** The brackets and the comma before a row: each array that ends there has one after it. */
  #between(row: number): string {
    const depth = this.#ends.findIndex((every) => row % every !== 0)
    return `${this.#close.slice(0, depth)},${this.#open.slice(0, depth)}`
  }

  #elements(count: number): string {
    const elements: string[] = []
    for (let i = 0; i < count; i++) elements.push(this.#nextElement())
    return elements.join(',')
  }
}

function checkLists(name: string, shape: readonly number[]): void {
  const lists = elementCount(shape.slice(0, shape.indexOf(0)))
  if (lists <= EMPTY_LISTS_MAX) return
  throw new CutoverError('TENSOR_INVALID', `output ${name} is ${lists} lists without an element`)
}

function emptyOf(shape: readonly number[]): string {
  const [size = 0, ...rest] = shape
  return size === 0 ? '[]' : `[${Array.from({ length: size }, () => emptyOf(rest)).join(',')}]`
}

/** Writes the next element at each call. */
function elementWriter(name: string, tensor: Tensor): () => string {
  const { dtype, data } = tensor
  let at = 0
  switch (dtype) {
    case 'string': {
      if (!name.endsWith(BYTES_SUFFIX)) {
        const strings = textsIn(name, data)
        return () => JSON.stringify(strings.next().value)
      }
      const elements = bytesIn(data)
      return () => `{"b64":"${elements.next().value?.toString('base64')}"}`
    }
    case 'bool':
      return () => (data[at++] === 0 ? 'false' : 'true')
    case 'float16':
    case 'float32':
    case 'float64': {
      const values = numbersOf({ ...tensor, dtype })
      const write = dtype === 'float64' ? float64Text : float32Text
      return () => write(values[at++] ?? NaN)
    }
    default: {
      const values = viewOf(dtype, data)
      return () => String(values[at++])
    }
  }
}

function* textsIn(name: string, data: Uint8Array): Generator<string, void> {
  try {
    yield* stringsIn(data, `output ${name}`)
  } catch (error) {
    throw new CutoverError(
      'TENSOR_INVALID',
      `output ${name} holds bytes that are no text; its name must end with ${BYTES_SUFFIX}`,
      { cause: error },
    )
  }
}

/** The shortest usual decimal that is this float32 and no other. */
export function float32Text(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  // Of -0 the sign would be lost below.
  if (value === 0) return withPoint(value)
  const few = Number(value.toPrecision(FLOAT32_DIGITS_FEW))
  const same = Math.fround(few) === value ? few : Number(value.toPrecision(FLOAT32_DIGITS))
  return withPoint(same)
}

function float64Text(value: number): string {
  return Number.isFinite(value) ? withPoint(value) : String(value)
}

/** A whole number shows that it is a float. */
function withPoint(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

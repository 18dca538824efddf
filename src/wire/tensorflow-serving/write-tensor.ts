import type { Buffer } from 'node:buffer'

import { CutoverError } from '../../domain/errors.ts'
import { elementCount, type Tensor } from '../../domain/tensor.ts'
import { unpackBytes, unpackStrings } from '../../domain/tensor-strings.ts'
import { numbersOf, viewOf } from '../../domain/tensor-view.ts'
import type { Sliced } from '../../lib/in-slices.ts'

const SLICE_ELEMENTS = 4096
/** An output of strings so named holds bytes and not text. */
const BYTES_SUFFIX = '_bytes'
/** Digits that tell every float32 apart, and those that most need. */
const FLOAT32_DIGITS = 9
const FLOAT32_DIGITS_FEW = 6

/** Writes elements of a tensor as arrays within arrays. */
export class TensorWriter {
  readonly #shape: readonly number[]
  readonly #element: (index: number) => string
  readonly #text: string[]
  #next = 0

  constructor(name: string, tensor: Tensor, text: string[]) {
    this.#shape = tensor.shape
    this.#element = elementWriter(name, tensor)
    this.#text = text
  }

  /** The next elements, as a value of the dimensions from `axis` on. */
  *write(axis: number): Sliced<void> {
    const inner = this.#shape.slice(axis)
    if (inner.length === 0) {
      this.#text.push(this.#element(this.#next++))
      return
    }
    const count = elementCount(inner)
    if (count === 0) {
      this.#text.push(emptyOf(inner))
      return
    }
    // The element where each array of a dimension ends: products of the sizes from the inside.
    const ends = inner.map((_, i) => elementCount(inner.slice(i)))
    for (let i = 0; i < count; i++) {
      if (i > 0) this.#text.push(',')
      this.#text.push('['.repeat(ends.filter((every) => i % every === 0).length))
      this.#text.push(this.#element(this.#next++))
      this.#text.push(']'.repeat(ends.filter((every) => (i + 1) % every === 0).length))
      if (i % SLICE_ELEMENTS === SLICE_ELEMENTS - 1) yield
    }
  }
}

function emptyOf(shape: readonly number[]): string {
  const [size = 0, ...rest] = shape
  return size === 0 ? '[]' : `[${Array.from({ length: size }, () => emptyOf(rest)).join(',')}]`
}

function elementWriter(name: string, tensor: Tensor): (index: number) => string {
  const { dtype, data } = tensor
  switch (dtype) {
    case 'string': {
      if (!name.endsWith(BYTES_SUFFIX)) {
        const strings = textOf(name, data)
        return (index) => JSON.stringify(strings[index])
      }
      const elements: Buffer[] = unpackBytes(data)
      return (index) => `{"b64":"${elements[index]?.toString('base64')}"}`
    }
    case 'bool':
      return (index) => (data[index] === 0 ? 'false' : 'true')
    case 'float16':
    case 'float32':
    case 'float64': {
      const values = numbersOf({ ...tensor, dtype })
      const write = dtype === 'float64' ? float64Text : float32Text
      return (index) => write(values[index] ?? NaN)
    }
    default: {
      const values = viewOf(dtype, data)
      return (index) => String(values[index])
    }
  }
}

function textOf(name: string, data: Uint8Array): string[] {
  try {
    return unpackStrings(data, `output ${name}`)
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

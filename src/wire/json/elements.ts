import { CutoverError } from '../../domain/errors.ts'
import type { DType } from '../../domain/tensor.ts'
import { BytesPacker } from '../../domain/tensor-strings.ts'
import { Byte } from './bytes.ts'
import type { JsonReader } from './reader.ts'

/** JSON has no agreed form of half-precision numbers: protocols send them as bytes. */
export type JsonDType = Exclude<DType, 'float16'>

/** Collects elements as the bytes of a tensor. */
export interface ElementSink {
  /** Reads one element; throws TENSOR_INVALID, naming it, when it is none of the dtype. */
  read(reader: JsonReader, index: number): void
  /** The bytes of a Tensor of what has been read. */
  data(): Uint8Array
  wrong(index: number, what: string): CutoverError
}

/** `label` is how messages name the tensor: `input x`. */
export function sinkFor(dtype: JsonDType, label: string, countHint: number): ElementSink {
  switch (dtype) {
    case 'bool':
      return new BoolSink(label, countHint)
    case 'string':
      return new StringSink(label)
    case 'int64':
    case 'uint64':
      return new WideIntegerSink(label, dtype, countHint)
    case 'float32':
    case 'float64':
      return new FloatSink(label, dtype, countHint)
    default:
      return new IntegerSink(label, dtype, countHint)
  }
}

type NumberArray =
  | Float64Array
  | Float32Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array

const INTEGERS = {
  int8: { array: Int8Array, min: -128, max: 127 },
  uint8: { array: Uint8Array, min: 0, max: 255 },
  int16: { array: Int16Array, min: -32_768, max: 32_767 },
  uint16: { array: Uint16Array, min: 0, max: 65_535 },
  int32: { array: Int32Array, min: -2_147_483_648, max: 2_147_483_647 },
  uint32: { array: Uint32Array, min: 0, max: 4_294_967_295 },
} as const

const COUNT_MIN = 16

abstract class ArraySink<A extends NumberArray | BigInt64Array> implements ElementSink {
  protected values: A
  readonly #label: string
  readonly #make: (length: number) => A
  #count = 0

  constructor(label: string, make: (length: number) => A, countHint: number) {
    this.#label = label
    this.#make = make
    this.values = make(Math.max(countHint, COUNT_MIN))
  }

  abstract read(reader: JsonReader, index: number): void

  data(): Uint8Array {
    const { buffer, BYTES_PER_ELEMENT } = this.values
    return new Uint8Array(buffer, 0, this.#count * BYTES_PER_ELEMENT)
  }

  wrong(index: number, what: string): CutoverError {
    return new CutoverError('TENSOR_INVALID', `${this.#label}: element ${index} is ${what}`)
  }

  /** Room for the element, which is then written. */
  protected reserve(index: number): A {
    if (index >= this.values.length) {
      const larger = this.#make(this.values.length * 2)
      ;(larger as Float64Array).set(this.values as Float64Array)
      this.values = larger
    }
    this.#count = index + 1
    return this.values
  }
}

class FloatSink extends ArraySink<Float32Array | Float64Array> {
  constructor(label: string, dtype: 'float32' | 'float64', countHint: number) {
    const Values = dtype === 'float64' ? Float64Array : Float32Array
    super(label, (length) => new Values(length), countHint)
  }

  read(reader: JsonReader, index: number): void {
    const value = reader.atNumber()
      ? reader.number()
      : reader.atNumberWord()
        ? reader.numberWord()
        : undefined
    if (value === undefined) throw this.wrong(index, 'not a number')
    this.reserve(index)[index] = value
  }
}

class IntegerSink extends ArraySink<NumberArray> {
  readonly #range: { readonly min: number; readonly max: number }
  readonly #dtype: keyof typeof INTEGERS

  constructor(label: string, dtype: keyof typeof INTEGERS, countHint: number) {
    const { array: Values } = INTEGERS[dtype]
    super(label, (length) => new Values(length), countHint)
    this.#range = INTEGERS[dtype]
    this.#dtype = dtype
  }

  read(reader: JsonReader, index: number): void {
    if (!reader.atNumber()) throw this.wrong(index, 'not an integer')
    const value = reader.number()
    if (!reader.isInteger) throw this.wrong(index, 'not an integer')
    if (value < this.#range.min || value > this.#range.max) {
      throw this.wrong(index, `out of the range of ${this.#dtype}`)
    }
    this.reserve(index)[index] = value
  }
}

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const UINT64_MAX = 2n ** 64n - 1n

class WideIntegerSink extends ArraySink<BigInt64Array> {
  readonly #dtype: 'int64' | 'uint64'

  constructor(label: string, dtype: 'int64' | 'uint64', countHint: number) {
    super(label, (length) => new BigInt64Array(length), countHint)
    this.#dtype = dtype
  }

  read(reader: JsonReader, index: number): void {
    if (!reader.atNumber()) throw this.wrong(index, 'not an integer')
    const nearest = reader.number()
    if (!reader.isInteger) throw this.wrong(index, 'not an integer')
    const value = Number.isSafeInteger(nearest) ? BigInt(nearest) : reader.integer()
    const [min, max] = this.#dtype === 'int64' ? [INT64_MIN, INT64_MAX] : [0n, UINT64_MAX]
    if (value === undefined || value < min || value > max) {
      throw this.wrong(index, `out of the range of ${this.#dtype}`)
    }
    // A value beyond the signed range keeps its bits.
    this.reserve(index)[index] = value
  }
}

class BoolSink extends ArraySink<Uint8Array> {
  constructor(label: string, countHint: number) {
    super(label, (length) => new Uint8Array(length), countHint)
  }

  read(reader: JsonReader, index: number): void {
    const first = reader.peek()
    const word = first === LOWER_T || first === LOWER_F ? reader.word() : undefined
    if (word === undefined) throw this.wrong(index, 'neither true nor false')
    this.reserve(index)[index] = word === 'true' ? 1 : 0
  }
}

const LOWER_T = 0x74
const LOWER_F = 0x66

class StringSink implements ElementSink {
  readonly #label: string
  readonly #elements = new BytesPacker()

  constructor(label: string) {
    this.#label = label
  }

  read(reader: JsonReader, index: number): void {
    if (reader.peek() !== Byte.Quote) throw this.wrong(index, 'not a string')
    this.#elements.pushText(reader.string())
  }

  data(): Uint8Array {
    return this.#elements.data()
  }

  wrong(index: number, what: string): CutoverError {
    return new CutoverError('TENSOR_INVALID', `${this.#label}: element ${index} is ${what}`)
  }
}

import { CutoverError } from '../../domain/errors.ts'
import type { Tensor } from '../../domain/tensor.ts'
import { unpackStrings } from '../../domain/tensor-strings.ts'
import type { Sliced } from '../../lib/in-slices.ts'

const SLICE_ELEMENTS = 8192

type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

/**
 * Appends the elements, separated by commas and in row-major order. Integers of 64 bits are exact;
 * NaN, Infinity and -Infinity are bare words, as Python writes and reads them; -0.0 stays.
 * Throws TENSOR_INVALID for what JSON cannot hold: FP16, and strings that are not UTF-8.
 */
export function* writeElements(tensor: Tensor, label: string, text: string[]): Sliced<void> {
  const { dtype } = tensor
  if (dtype === 'float16') {
    throw new CutoverError(
      'TENSOR_INVALID',
      `${label}: FP16 has no form in JSON, ask for binary data`,
    )
  }
  if (dtype === 'string') {
    yield* writeStrings(unpackStrings(tensor.data), text)
    return
  }
  const values = viewOf(dtype, tensor.data)
  for (let start = 0; start < values.length; start += SLICE_ELEMENTS) {
    if (start > 0) {
      text.push(',')
      yield
    }
    const slice = values.subarray(start, start + SLICE_ELEMENTS)
    if (dtype === 'bool') text.push(Array.from(slice as Uint8Array, Boolean).join(','))
    else if (hasNegativeZero(slice)) text.push(Array.from(slice, withSign).join(','))
    else text.push(slice.join(','))
  }
}

function* writeStrings(strings: readonly string[], text: string[]): Sliced<void> {
  for (let start = 0; start < strings.length; start += SLICE_ELEMENTS) {
    if (start > 0) {
      text.push(',')
      yield
    }
    text.push(JSON.stringify(strings.slice(start, start + SLICE_ELEMENTS)).slice(1, -1))
  }
}

/** The elements in place where they are aligned, else of a copy. */
function viewOf(dtype: Exclude<Tensor['dtype'], 'string' | 'float16'>, data: Uint8Array) {
  const typedArray = ARRAYS[dtype]
  const bytes = data.byteOffset % typedArray.BYTES_PER_ELEMENT === 0 ? data : new Uint8Array(data)
  const length = bytes.byteLength / typedArray.BYTES_PER_ELEMENT
  return new typedArray(bytes.buffer as ArrayBuffer, bytes.byteOffset, length) as NumberArray
}

const ARRAYS = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float64: Float64Array,
} as const

function hasNegativeZero(values: NumberArray): values is Float32Array | Float64Array {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return false
  for (const value of values) if (value === 0 && Object.is(value, -0)) return true
  return false
}

function withSign(value: number): string {
  return Object.is(value, -0) ? '-0.0' : String(value)
}

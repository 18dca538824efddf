import { CutoverError } from './errors.ts'
import { float16ToNumber } from './float16.ts'
import type { DType, Tensor } from './tensor.ts'

/** Of each dtype, the array whose elements are its own; a bool is a byte, a half-float its bits. */
const ARRAYS = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  float16: Uint16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float64: Float64Array,
} as const

export type NumericDType = Exclude<DType, 'string'>
export type TensorView = InstanceType<(typeof ARRAYS)[NumericDType]>

/** The elements, in place where they lie aligned, else of a copy. */
export function viewOf(dtype: NumericDType, data: Uint8Array): TensorView {
  const typedArray = ARRAYS[dtype]
  const size = typedArray.BYTES_PER_ELEMENT
  const aligned = data.byteOffset % size === 0 ? data : new Uint8Array(data)
  const buffer = aligned.buffer as ArrayBuffer
  return new typedArray(buffer, aligned.byteOffset, aligned.byteLength / size)
}

/** The elements as numbers, to be compared: 64-bit integers are rounded to doubles. */
export function numbersOf(tensor: Tensor & { readonly dtype: NumericDType }): ArrayLike<number> {
  const view = viewOf(tensor.dtype, tensor.data)
  if (tensor.dtype === 'float16') return Float32Array.from(view as Uint16Array, float16ToNumber)
  if (view instanceof BigInt64Array || view instanceof BigUint64Array) {
    return Float64Array.from(view, Number)
  }
  return view
}

/** A tensor of numbers. Throws TENSOR_INVALID where one is not of the dtype. */
export function tensorOf(
  dtype: NumericDType,
  shape: readonly number[],
  values: readonly (number | bigint)[],
): Tensor {
  if (dtype === 'float16') throw new CutoverError('TENSOR_INVALID', 'float16 has no form in JSON')
  const array = new ARRAYS[dtype](values.length)
  const isWide = array instanceof BigInt64Array || array instanceof BigUint64Array
  const isFloat = dtype === 'float32' || dtype === 'float64'
  for (const [i, value] of values.entries()) {
    if (isWide) array[i] = typeof value === 'bigint' ? value : wholeOf(value, dtype)
    else array[i] = Number(value)
    if (!isFloat && BigInt(array[i] ?? 0) !== wholeOf(value, dtype)) {
      throw new CutoverError('TENSOR_INVALID', `${value} is no ${dtype}`)
    }
  }
  return { dtype, shape, data: new Uint8Array(array.buffer) }
}

function wholeOf(value: number | bigint, dtype: DType): bigint {
  if (typeof value === 'bigint') return value
  if (Number.isInteger(value)) return BigInt(value)
  throw new CutoverError('TENSOR_INVALID', `${value} is no ${dtype}`)
}

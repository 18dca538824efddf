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

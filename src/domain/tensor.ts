/**
 * A tensor travels as raw little-endian bytes in row-major order, whatever made it: an image, a
 * binary request or a JSON array. Nobody but the producer and the runtime looks at elements.
 */
export interface Tensor {
  readonly dtype: DType
  /** Dimensions, each a non-negative safe integer; [] is a scalar. */
  readonly shape: readonly number[]
  /**
   * `elementCount(shape) × bytesPerElement(dtype)` bytes, or for `string` each element as a
   * 4-byte little-endian length and then its bytes (the Open Inference Protocol's BYTES layout).
   */
  readonly data: Uint8Array
}

export type NamedTensors = ReadonlyMap<string, Tensor>

const BYTES_PER_ELEMENT = {
  bool: 1,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  float16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  uint64: 8,
  int64: 8,
  float64: 8,
  string: 0,
} as const

export type DType = keyof typeof BYTES_PER_ELEMENT

export const DTYPES = Object.keys(BYTES_PER_ELEMENT) as readonly DType[]

export function isDType(value: unknown): value is DType {
  return typeof value === 'string' && Object.hasOwn(BYTES_PER_ELEMENT, value)
}

/** Bytes of one element; 0 for `string`, whose elements differ in length. */
export function bytesPerElement(dtype: DType): number {
  return BYTES_PER_ELEMENT[dtype]
}

/** Product of the dimensions; Infinity when it is not a safe integer, so that bounds refuse it. */
export function elementCount(shape: readonly number[]): number {
  let count = 1
  for (const dimension of shape) count *= dimension
  return Number.isSafeInteger(count) ? count : Infinity
}

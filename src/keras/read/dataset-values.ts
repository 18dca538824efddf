import { type Dataset, Module } from 'h5wasm/node'

import { elementCount } from '../../domain/tensor.ts'
import { type FloatSource, floatsOf } from './floats.ts'

/** A larger dataset is read in parts, so that the WebAssembly memory need not hold it. */
const PART_BYTES = 1024 ** 2
/** HDF5's classes of types. */
const INTEGER = 0
const FLOAT = 1

type Metadata = Dataset['metadata']

/** All values of a dataset of numbers, in an array of its own. */
export function valuesOf(dataset: Dataset): Float32Array {
  const { path, shape } = dataset
  const { size, type } = dataset.metadata
  // numpy knows no such type: it is two bytes, and Keras says beside them what they are.
  const bfloat16 = size === 2 && dataset.attrs['dtype']?.value === 'bfloat16'
  const source: FloatSource = { type, size, bfloat16, dtype: JSON.stringify(dataset.dtype) }
  const count = elementCount(shape ?? [])
  const values = numbersOf(dataset.metadata, bfloat16, count)
  // What is no number, or not in this machine's order, the library reads or says what it is.
  if (values === undefined) return floatsOf(dataset.value, source, path)
  for (const { at, elements, ranges } of partsOf(shape ?? [], values.byteLength)) {
    readInto(values.subarray(at, at + elements), dataset, ranges)
  }
  return floatsOf(values, source, path)
}

type Numbers =
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

/** Where the values go as they lie in the file; undefined: they are not in this machine's form. */
function numbersOf(
  { type, size, signed, littleEndian }: Metadata,
  bfloat16: boolean,
  count: number,
): Numbers | undefined {
  if (bfloat16 || (type === FLOAT && size === 2)) return new Uint16Array(count)
  if (!littleEndian && size > 1) return undefined
  if (type === FLOAT && size === 4) return new Float32Array(count)
  if (type === FLOAT && size === 8) return new Float64Array(count)
  if (type !== INTEGER) return undefined
  if (size === 1) return signed ? new Int8Array(count) : new Uint8Array(count)
  if (size === 2) return signed ? new Int16Array(count) : new Uint16Array(count)
  if (size === 4) return signed ? new Int32Array(count) : new Uint32Array(count)
  return size === 8 ? (signed ? new BigInt64Array(count) : new BigUint64Array(count)) : undefined
}

type Ranges = readonly (readonly [number, number])[]

interface Part {
  /** Where its first element lies among all elements, and how many there are. */
  readonly at: number
  readonly elements: number
  /** From and to, for each axis; undefined: the whole dataset. */
  readonly ranges: Ranges | undefined
}

/** Parts of at most PART_BYTES, unless what lies behind the first axis of any length is larger. */
function* partsOf(shape: readonly number[], bytes: number): Generator<Part> {
  const axis = shape.findIndex((length) => length > 1)
  const length = shape[axis] ?? 1
  const step = Math.max(1, Math.floor((PART_BYTES * length) / Math.max(1, bytes)))
  const count = elementCount(shape)
  if (step >= length) {
    yield { at: 0, elements: count, ranges: undefined }
    return
  }
  for (let from = 0; from < length; from += step) {
    const to = Math.min(length, from + step)
    yield {
      at: (count / length) * from,
      elements: (count / length) * (to - from),
      ranges: shape.map((size, at) => (at === axis ? [from, to] : [0, size])),
    }
  }
}

/**
 * The bytes of a part as they are. The library's own reading would copy them once more, does not
 * hand over 16-bit floats, and takes for read what could not be.
 */
function readInto(target: Numbers, { file_id, path }: Dataset, ranges?: Ranges): void {
  const counts = ranges?.map(([from, to]) => BigInt(to - from)) ?? null
  const offsets = ranges?.map(([from]) => BigInt(from)) ?? null
  const strides = ranges?.map(() => 1n) ?? null
  const { buffer, byteOffset, byteLength } = target
  if (byteLength === 0) return
  const at = Module['_malloc'](byteLength)
  if (at === 0) throw new RangeError('no memory for a dataset')
  try {
    const status = Module.get_dataset_data(file_id, path, counts, offsets, strides, BigInt(at))
    if (status < 0) throw new Error(`${path} cannot be read`)
    new Uint8Array(buffer, byteOffset, byteLength).set(Module.HEAPU8.subarray(at, at + byteLength))
  } finally {
    Module['_free'](at)
  }
}

import { type Dataset, Module } from 'h5wasm/node'

import { elementCount } from '../../domain/tensor.ts'
import { type FloatSource, floatsOf } from './floats.ts'

/** A larger dataset is read in parts, so that the WebAssembly memory need not hold it. */
const PART_BYTES = 1024 ** 2
/** HDF5's class of floating-point types. */
const FLOAT = 1

/** All values of a dataset of numbers, in an array of its own. */
export function valuesOf(dataset: Dataset): Float32Array {
  const { path, shape } = dataset
  const { size, type, littleEndian } = dataset.metadata
  // numpy knows no such type: it is two bytes, and Keras says beside them what they are.
  const bfloat16 = size === 2 && dataset.attrs['dtype']?.value === 'bfloat16'
  const source: FloatSource = { type, size, bfloat16, dtype: JSON.stringify(dataset.dtype) }
  const count = elementCount(shape ?? [])
  if (type === FLOAT && size === 2) {
    const halves = new Uint16Array(count)
    readInto(halves, dataset)
    return floatsOf(halves, source, path)
  }
  const isPlain = type === FLOAT && size === 4 && littleEndian
  const values = new Float32Array(count)
  for (const { at, elements, ranges } of partsOf(shape ?? [], count * size)) {
    if (isPlain) readInto(values.subarray(at, at + elements), dataset, ranges)
    else values.set(floatsOf(partOf(dataset, ranges), source, path), at)
  }
  return values
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

function partOf(dataset: Dataset, ranges: Ranges | undefined): unknown {
  return ranges === undefined
    ? dataset.value
    : dataset.slice(ranges.map(([from, to]) => [from, to]))
}

/**
 * The bytes of a part as they are. The library's own reading would copy them once more, and does
 * not hand over 16-bit floats.
 */
function readInto(
  target: Float32Array | Uint16Array,
  { file_id, path }: Dataset,
  ranges?: Ranges,
): void {
  const counts = ranges?.map(([from, to]) => BigInt(to - from)) ?? null
  const offsets = ranges?.map(([from]) => BigInt(from)) ?? null
  const strides = ranges?.map(() => 1n) ?? null
  const { buffer, byteOffset, byteLength } = target
  if (byteLength === 0) return
  const at = Module['_malloc'](byteLength)
  if (at === 0) throw new RangeError('no memory for a dataset')
  try {
    Module.get_dataset_data(file_id, path, counts, offsets, strides, BigInt(at))
    new Uint8Array(buffer, byteOffset, byteLength).set(Module.HEAPU8.subarray(at, at + byteLength))
  } finally {
    Module['_free'](at)
  }
}

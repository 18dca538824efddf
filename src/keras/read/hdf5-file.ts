import { closeSync, openSync, readSync, statSync } from 'node:fs'

import { Dataset, File, Group, Module, ready } from 'h5wasm/node'

import { elementCount } from '../../domain/tensor.ts'
import { unloadable } from '../failure.ts'
import { type FloatSource, floatsOf } from './floats.ts'
import type { StoredTensor } from './stored-tensor.ts'

/** Where a dataset is compressed, this is what it may grow to, as a multiple of the whole file. */
const EXPANSION_MAX = 100
/** A larger dataset is read in parts, so that the WebAssembly memory need not hold it. */
const PART_BYTES = 1024 ** 2

/**
 * An HDF5 file, read only. The library behind it is the HDF5 project's own, compiled to
 * WebAssembly; it reports damage as exceptions that say little, so every access is wrapped in a
 * sentence. Throws MODEL_UNLOADABLE.
 */
export class Hdf5File {
  readonly #file: File
  readonly #bytes: number
  /** How errors call the file. */
  readonly #name: string

  private constructor(file: File, bytes: number, name: string) {
    this.#file = file
    this.#bytes = bytes
    this.#name = name
  }

  static async open(path: string, name: string): Promise<Hdf5File> {
    const { size } = statSync(path)
    const promised = promisedBytes(path)
    if (size < promised) {
      throw unloadable(`${name} is cut off: it has ${size} of ${promised} bytes`)
    }
    await ready
    return new Hdf5File(
      readable(name, () => new File(path, 'r')),
      size,
      name,
    )
  }

  close(): void {
    this.#file.close()
  }

  /** Names of what lies in a group; undefined: there is no such group. */
  children(group: string): string[] | undefined {
    return readable(this.#name, () => this.#group(group)?.keys())
  }

  /** An attribute of a group; undefined: it has none of that name. */
  attribute(group: string, name: string): unknown {
    return readable(this.#name, () => {
      const found = this.#group(group)
      return found && attributesOf(found).has(name) ? found.get_attribute(name, false) : undefined
    })
  }

  /**
   * A list of strings among the attributes. Keras cuts one that is too long for HDF5 into
   * name0, name1 and so on.
   */
  names(group: string, name: string): string[] {
    return readable(this.#name, () => {
      const found = this.#group(group)
      if (found === undefined) return []
      const attributes = attributesOf(found)
      if (attributes.has(name)) return stringsOf(found.get_attribute(name, false))
      const parts: string[] = []
      for (let part = 0; attributes.has(`${name}${part}`); part++) {
        parts.push(...stringsOf(found.get_attribute(`${name}${part}`, false)))
      }
      return parts
    })
  }

  /** A dataset of numbers, whose values are read when they are asked for. */
  tensor(path: string): StoredTensor | undefined {
    return readable(this.#name, () => {
      const found = this.#file.get(path)
      if (!(found instanceof Dataset)) return undefined
      const dataset = found
      const shape = dataset.shape ?? []
      const count = elementCount(shape)
      const { size, type, littleEndian } = dataset.metadata
      const bytes = count * size
      const isCompressed = bytes > this.#bytes && dataset.filters.length > 0
      if (bytes > this.#bytes * (isCompressed ? EXPANSION_MAX : 1)) {
        throw unloadable(`${path} in ${this.#name} claims more values than the file holds`)
      }
      // numpy knows no such type: it is two bytes, and Keras says beside them what they are.
      const bfloat16 = size === 2 && dataset.attrs['dtype']?.value === 'bfloat16'
      const source: FloatSource = { type, size, bfloat16, dtype: JSON.stringify(dataset.dtype) }
      const isPlain = type === 1 && size === 4 && littleEndian
      const read = () => {
        if (type === 1 && size === 2) {
          const halves = new Uint16Array(count)
          readInto(halves, dataset)
          return floatsOf(halves, source, path)
        }
        const values = new Float32Array(count)
        for (const { at, elements, ranges } of partsOf(shape, bytes)) {
          if (isPlain) readInto(values.subarray(at, at + elements), dataset, ranges)
          else values.set(floatsOf(valuesOf(dataset, ranges), source, path), at)
        }
        return values
      }
      return { path, shape, read: () => readable(this.#name, read) }
    })
  }

  #group(path: string): Group | undefined {
    if (path === '' || path === '/') return this.#file
    const found = this.#file.get(path)
    return found instanceof Group ? found : undefined
  }
}

/**
 * The length of the file as its superblock states it, which stands at another place in the versions
 * 0 and 1 than in 2 and 3 (HDF5 File Format Specification, II.A); 0 where that cannot be read.
 */
function promisedBytes(path: string): number {
  const start = Buffer.alloc(64)
  const fd = openSync(path, 'r')
  try {
    if (readSync(fd, start, 0, start.length, 0) < start.length) return 0
  } finally {
    closeSync(fd)
  }
  const version = start.readUInt8(8)
  if (version > 3 || start.readUInt8(version < 2 ? 13 : 9) !== 8) return 0
  const bytes = start.readBigUInt64LE(version === 0 ? 40 : version === 1 ? 44 : 28)
  return bytes < Number.MAX_SAFE_INTEGER ? Number(bytes) : 0
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

function valuesOf(dataset: Dataset, ranges: Ranges | undefined): unknown {
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

/** Names only: the library's own `attrs` looks each up whenever it is touched. */
function attributesOf({ file_id, path }: Group): ReadonlySet<string> {
  return new Set(Module.get_attribute_names(file_id, path))
}

function stringsOf(value: unknown): string[] {
  // An empty list has lost its type: it reads as an empty list of numbers.
  return Array.isArray(value) ? value.map(String) : []
}

function readable<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && error.name === 'CutoverError') throw error
    // The library's own words (`name not defined!`) help nobody.
    throw unloadable(`${name} is damaged: what it should hold cannot be read`, error)
  }
}

import { closeSync, openSync, readSync, statSync } from 'node:fs'

import { Dataset, File, Group, Module, ready } from 'h5wasm/node'

import { elementCount } from '../../domain/tensor.ts'
import { unloadable } from '../failure.ts'
import { type FloatSource, floatsOf } from './floats.ts'
import type { StoredTensor } from './stored-tensor.ts'

/** Where a dataset is compressed, this is what it may grow to, as a multiple of the whole file. */
const EXPANSION_MAX = 100
/** A larger dataset is read in parts, so that the WebAssembly memory need not hold it. */
const PART_BYTES = 16 * 1024 ** 2

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
      const attribute = this.#group(group)?.attrs[name]
      return attribute?.value
    })
  }

  /**
   * A list of strings among the attributes. Keras cuts one that is too long for HDF5 into
   * name0, name1 and so on.
   */
  names(group: string, name: string): string[] {
    return readable(this.#name, () => {
      const attributes = this.#group(group)?.attrs ?? {}
      const whole = stringsOf(attributes[name]?.value)
      if (attributes[name] !== undefined) return whole
      const parts: string[] = []
      for (let part = 0; attributes[`${name}${part}`] !== undefined; part++) {
        parts.push(...stringsOf(attributes[`${name}${part}`]?.value))
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
      const { size, type } = dataset.metadata
      const limit = dataset.filters.length > 0 ? this.#bytes * EXPANSION_MAX : this.#bytes
      if (count * size > limit) {
        throw unloadable(`${path} in ${this.#name} claims more values than the file holds`)
      }
      // numpy knows no such type: it is two bytes, and Keras says beside them what they are.
      const bfloat16 = size === 2 && dataset.attrs['dtype']?.value === 'bfloat16'
      const source: FloatSource = { type, size, bfloat16, dtype: JSON.stringify(dataset.dtype) }
      return {
        path,
        shape,
        read: () =>
          readable(this.#name, () => {
            if (type === 1 && size === 2) return floatsOf(halvesOf(dataset, count), source, path)
            const values = new Float32Array(count)
            for (const { at, part } of partsOf(dataset, shape, count * size)) {
              values.set(floatsOf(part, source, path), at)
            }
            return values
          }),
      }
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

function* partsOf(dataset: Dataset, shape: readonly number[], bytes: number) {
  const [rows = 1, ...rest] = shape
  const rowElements = elementCount(rest)
  const rowsAtOnce = Math.max(1, Math.floor(PART_BYTES / Math.max(1, bytes / Math.max(1, rows))))
  if (shape.length === 0 || rowsAtOnce >= rows) {
    yield { at: 0, part: dataset.value }
    return
  }
  for (let row = 0; row < rows; row += rowsAtOnce) {
    const end = Math.min(rows, row + rowsAtOnce)
    yield { at: row * rowElements, part: dataset.slice([[row, end], ...rest.map(() => [] as [])]) }
  }
}

/** The library reads 16-bit floats but does not hand them over. */
function halvesOf(dataset: Dataset, count: number): Uint16Array {
  const bytes = count * 2
  const at = Module['_malloc'](bytes)
  try {
    Module.get_dataset_data(dataset.file_id, dataset.path, null, null, null, BigInt(at))
    return new Uint16Array(Module.HEAPU8.slice(at, at + bytes).buffer)
  } finally {
    Module['_free'](at)
  }
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

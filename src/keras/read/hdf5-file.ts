import { closeSync, openSync, readSync, statSync } from 'node:fs'

import { Dataset, File, Group, Module, ready } from 'h5wasm/node'

import { elementCount } from '../../domain/tensor.ts'
import { unloadable } from '../failure.ts'
import { confineTo } from './confine.ts'
import { valuesOf } from './dataset-values.ts'
import { hasEndlessHeap } from './global-heap.ts'
import type { StoredTensor } from './stored-tensor.ts'

/** Where a dataset is compressed, this is what it may grow to, as a multiple of the whole file. */
const EXPANSION_MAX = 100
/** What is looked at before the library is: Keras writes the configuration first. */
const START_BYTES = 1024 ** 2
const SUPERBLOCK_BYTES = 64

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

  readonly #lift: () => void

  private constructor(file: File, bytes: number, name: string, lift: () => void) {
    this.#file = file
    this.#lift = lift
    this.#bytes = bytes
    this.#name = name
  }

  static async open(path: string, name: string): Promise<Hdf5File> {
    const { size } = statSync(path)
    const start = startOf(path)
    const promised = promisedBytes(start)
    if (size < promised) {
      throw unloadable(`${name} is cut off: it has ${size} of ${promised} bytes`)
    }
    if (hasEndlessHeap(start)) throw unloadable(`${name} is damaged: its texts cannot be read`)
    await ready
    const lift = confineTo(path)
    try {
      const file = readable(name, () => new File(path, 'r'))
      return new Hdf5File(file, size, name, lift)
    } catch (error) {
      lift()
      throw error
    }
  }

  close(): void {
    this.#file.close()
    this.#lift()
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
      const bytes = elementCount(shape) * dataset.metadata.size
      const isCompressed = bytes > this.#bytes && dataset.filters.length > 0
      if (bytes > this.#bytes * (isCompressed ? EXPANSION_MAX : 1)) {
        throw unloadable(`${path} in ${this.#name} claims more values than the file holds`)
      }
      return { path, shape, read: () => readable(this.#name, () => valuesOf(dataset)) }
    })
  }

  #group(path: string): Group | undefined {
    if (path === '' || path === '/') return this.#file
    const found = this.#file.get(path)
    return found instanceof Group ? found : undefined
  }
}

function startOf(path: string): Buffer {
  const start = Buffer.alloc(START_BYTES)
  const fd = openSync(path, 'r')
  try {
    return start.subarray(0, readSync(fd, start, 0, start.length, 0))
  } finally {
    closeSync(fd)
  }
}

/**
 * The length of the file as its superblock states it, which stands at another place in the versions
 * 0 and 1 than in 2 and 3 (HDF5 File Format Specification, II.A); 0 where that cannot be read.
 */
function promisedBytes(start: Buffer): number {
  if (start.length < SUPERBLOCK_BYTES) return 0
  const version = start.readUInt8(8)
  if (version > 3 || start.readUInt8(version < 2 ? 13 : 9) !== 8) return 0
  const bytes = start.readBigUInt64LE(version === 0 ? 40 : version === 1 ? 44 : 28)
  return bytes < Number.MAX_SAFE_INTEGER ? Number(bytes) : 0
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

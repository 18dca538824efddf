import { Buffer, isUtf8 } from 'node:buffer'

import { CutoverError } from './errors.ts'

const LENGTH_BYTES = 4
const ROOM_BYTES_MIN = 256

/**
 * Collects elements as a 4-byte little-endian length and their bytes: the layout of a Tensor's
 * data. They lie in one piece of memory that grows: a Buffer for each would take 200 bytes where
 * an element has one.
 */
export class BytesPacker {
  #data: Buffer
  #bytes = 0

  constructor(bytesHint = 0) {
    this.#data = Buffer.allocUnsafe(bytesHint)
  }

  push(element: Uint8Array): void {
    const start = this.#begin(element.length)
    this.#data.set(element, start)
  }

  pushText(element: string): void {
    const start = this.#begin(Buffer.byteLength(element))
    this.#data.write(element, start)
  }

  /** The elements so far. */
  data(): Buffer {
    return this.#data.subarray(0, this.#bytes)
  }

  /** Writes the length of an element, makes room for its bytes, and answers where they go. */
  #begin(length: number): number {
    const needed = this.#bytes + LENGTH_BYTES + length
    if (needed > this.#data.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#data.length, ROOM_BYTES_MIN))
      larger.set(this.data())
      this.#data = larger
    }
    const start = this.#data.writeUInt32LE(length, this.#bytes)
    this.#bytes = needed
    return start
  }
}

export function packBytes(elements: readonly Uint8Array[]): Buffer {
  const packer = new BytesPacker(
    elements.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0),
  )
  for (const element of elements) packer.push(element)
  return packer.data()
}

export function packStrings(strings: readonly string[]): Buffer {
  const packer = new BytesPacker()
  for (const element of strings) packer.pushText(element)
  return packer.data()
}

/** How many elements there are; undefined when a length lies. */
export function countBytes(data: Uint8Array): number | undefined {
  const { buffer, byteOffset, byteLength } = data
  const view = new DataView(buffer, byteOffset, byteLength)
  let count = 0
  let offset = 0
  while (offset < byteLength) {
    if (offset + LENGTH_BYTES > byteLength) return undefined
    offset += LENGTH_BYTES + view.getUint32(offset, true)
    count++
  }
  return offset === byteLength ? count : undefined
}

/**
 * Views of the elements, each made when it is asked for. Throws TENSOR_INVALID, naming the element,
 * where a length lies.
 */
export function* bytesIn(data: Uint8Array): Generator<Buffer, void> {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  let offset = 0
  for (let i = 0; offset < bytes.length; i++) {
    const start = offset + LENGTH_BYTES
    const end = start <= bytes.length ? start + bytes.readUInt32LE(offset) : Infinity
    if (end > bytes.length) {
      throw new CutoverError('TENSOR_INVALID', `element ${i} ends beyond the data`)
    }
    yield bytes.subarray(start, end)
    offset = end
  }
}

/** As text; throws TENSOR_INVALID, naming the tensor and the element, where one is not UTF-8. */
export function* stringsIn(data: Uint8Array, label: string, remedy = ''): Generator<string, void> {
  let i = 0
  for (const element of bytesIn(data)) {
    if (!isUtf8(element)) {
      throw new CutoverError('TENSOR_INVALID', `${label}: element ${i} is not UTF-8${remedy}`)
    }
    yield element.toString('utf8')
    i++
  }
}

export function unpackBytes(data: Uint8Array): Buffer[] {
  return [...bytesIn(data)]
}

export function unpackStrings(data: Uint8Array, label: string): string[] {
  return [...stringsIn(data, label)]
}

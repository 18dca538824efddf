import { Buffer, isUtf8 } from 'node:buffer'

import { CutoverError } from './errors.ts'

const LENGTH_BYTES = 4

/** Elements as a 4-byte little-endian length and their bytes: the layout of a Tensor's data. */
export function packBytes(elements: readonly Uint8Array[]): Buffer {
  const bytes = elements.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0)
  const data = Buffer.allocUnsafe(bytes)
  let offset = 0
  for (const element of elements) {
    offset = data.writeUInt32LE(element.length, offset)
    data.set(element, offset)
    offset += element.length
  }
  return data
}

export function packStrings(strings: readonly string[]): Buffer {
  return packBytes(strings.map((element) => Buffer.from(element)))
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

/** Views of the elements; throws TENSOR_INVALID, naming the element, when a length lies. */
export function unpackBytes(data: Uint8Array): Buffer[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const elements: Buffer[] = []
  let offset = 0
  while (offset < bytes.length) {
    const start = offset + LENGTH_BYTES
    const end = start <= bytes.length ? start + bytes.readUInt32LE(offset) : Infinity
    if (end > bytes.length) {
      throw new CutoverError('TENSOR_INVALID', `element ${elements.length} ends beyond the data`)
    }
    elements.push(bytes.subarray(start, end))
    offset = end
  }
  return elements
}

/** As text; throws TENSOR_INVALID, naming the tensor and the element, when one is not UTF-8. */
export function unpackStrings(data: Uint8Array, label: string, remedy = ''): string[] {
  return unpackBytes(data).map((element, i) => {
    if (!isUtf8(element)) {
      throw new CutoverError('TENSOR_INVALID', `${label}: element ${i} is not UTF-8${remedy}`)
    }
    return element.toString('utf8')
  })
}

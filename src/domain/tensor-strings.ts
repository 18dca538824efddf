import { Buffer, isUtf8 } from 'node:buffer'

import { CutoverError } from './errors.ts'

const LENGTH_BYTES = 4

/** Strings as a 4-byte little-endian length and UTF-8 bytes each: the layout of a Tensor's data. */
export function packStrings(strings: readonly string[]): Buffer {
  const lengths = strings.map((element) => Buffer.byteLength(element))
  const data = Buffer.allocUnsafe(lengths.reduce((sum, bytes) => sum + LENGTH_BYTES + bytes, 0))
  let offset = 0
  for (const [i, element] of strings.entries()) {
    offset = data.writeUInt32LE(lengths[i] ?? 0, offset)
    offset += data.write(element, offset)
  }
  return data
}

/** The inverse; throws TENSOR_INVALID, naming the element, when a length lies or text is not UTF-8. */
export function unpackStrings(data: Uint8Array): string[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const strings: string[] = []
  let offset = 0
  while (offset < bytes.length) {
    const start = offset + LENGTH_BYTES
    const end = start <= bytes.length ? start + bytes.readUInt32LE(offset) : Infinity
    if (end > bytes.length) {
      throw new CutoverError('TENSOR_INVALID', `element ${strings.length} ends beyond the data`)
    }
    const element = bytes.subarray(start, end)
    if (!isUtf8(element)) {
      throw new CutoverError('TENSOR_INVALID', `element ${strings.length} is not UTF-8`)
    }
    strings.push(element.toString('utf8'))
    offset = end
  }
  return strings
}

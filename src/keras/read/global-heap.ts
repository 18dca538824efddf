const SIGNATURE = 'GCOL'
const HEADER_BYTES = 16
const ALIGNMENT = 8

/**
 * Whether the start of an HDF5 file has a heap of strings that the HDF5 library would read for
 * ever: free space of no length, after which it stands where it stood. The library never writes
 * that (HDF5 File Format Specification, III.E, for lengths of 8 bytes).
 */
export function hasEndlessHeap(start: Buffer): boolean {
  for (let at = 0; ; at += SIGNATURE.length) {
    at = start.indexOf(SIGNATURE, at, 'latin1')
    if (at < 0) return false
    if (isEndless(start, at)) return true
  }
}

function isEndless(start: Buffer, heap: number): boolean {
  if (heap + HEADER_BYTES > start.length || start.readUInt8(heap + 4) !== 1) return false
  const end = Math.min(heap + Number(start.readBigUInt64LE(heap + 8)), start.length)
  for (let at = heap + HEADER_BYTES; at + HEADER_BYTES <= end;) {
    const isFree = start.readUInt16LE(at) === 0
    const bytes = Number(start.readBigUInt64LE(at + 8))
    if (isFree && bytes === 0) return true
    at += isFree ? bytes : HEADER_BYTES + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
  }
  return false
}

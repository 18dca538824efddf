const SIGNATURE = 'GCOL'
const HEADER_BYTES = 16
const ALIGNMENT = 8

/**
 * Whether the start of an HDF5 file has a heap of strings over which the HDF5 library would never
 * get: free space of no length, after which it stands where it stood, or an object that is larger
 * than the heap, at which its sum overflows. It writes neither (HDF5 File Format Specification,
 * III.E, for lengths of 8 bytes).
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
  const end = heap + Number(start.readBigUInt64LE(heap + 8))
  const known = Math.min(end, start.length)
  for (let at = heap + HEADER_BYTES; at + HEADER_BYTES <= known;) {
    const isFree = start.readUInt16LE(at) === 0
    const bytes = Number(start.readBigUInt64LE(at + 8))
    if (bytes > end - at || (isFree && bytes === 0)) return true
    at += isFree ? bytes : HEADER_BYTES + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
  }
  return false
}

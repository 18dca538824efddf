import type { Sliced } from '../../lib/in-slices.ts'
import { Byte } from './bytes.ts'
import type { JsonReader } from './reader.ts'

const DEPTH_USUAL = 16

/**
 * Passes one value of any kind, checking the grammar but for what is inside of strings. It nests as
 * deep as it likes: depth costs a byte here and no stack.
 */
export function* skipValue(reader: JsonReader): Sliced<void> {
  /** The closing bytes that are due. */
  let closings: Uint8Array = NONE
  let depth = 0
  for (;;) {
    if (reader.isDue()) yield
    const first = reader.peek()
    if (first === Byte.ArrayOpen || first === Byte.ObjectOpen) {
      reader.at++
      const closing = first === Byte.ArrayOpen ? Byte.ArrayClose : Byte.ObjectClose
      if (!reader.take(closing)) {
        if (depth === closings.length) closings = withRoom(closings)
        closings[depth++] = closing
        if (closing === Byte.ObjectClose) skipKey(reader)
        continue
      }
    } else {
      skipScalar(reader, first)
    }
    for (;;) {
      if (depth === 0) return
      const closing = closings[depth - 1] ?? 0
      if (reader.take(Byte.Comma)) {
        if (closing === Byte.ObjectClose) skipKey(reader)
        break
      }
      reader.expect(closing)
      depth--
    }
  }
}

/** Most values hold no other: they need no memory. */
const NONE = new Uint8Array(0)

function withRoom(closings: Uint8Array): Uint8Array {
  const larger = new Uint8Array(Math.max(DEPTH_USUAL, 2 * closings.length))
  larger.set(closings)
  return larger
}

function skipKey(reader: JsonReader): void {
  if (reader.peek() !== Byte.Quote) throw reader.wrong('a name expected')
  reader.skipString()
  reader.expect(Byte.Colon)
}

/** Passes a value that is neither an array nor an object; `first` is its first byte. */
export function skipScalar(reader: JsonReader, first: number): void {
  if (first === Byte.Quote) reader.skipString()
  else if (first === Byte.Minus || (first >= Byte.Zero && first <= Byte.Nine)) {
    if (reader.atNumberWord()) reader.word()
    else reader.number()
  } else reader.word()
}

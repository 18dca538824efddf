import type { Sliced } from '../../lib/in-slices.ts'
import { Byte } from './bytes.ts'
import type { JsonReader } from './reader.ts'

const SLICE_BYTES = 64 * 1024

/**
 * Passes one value of any kind, checking the grammar but for what is inside of strings. It nests as
 * deep as it likes: depth costs a word here and no stack.
 */
export function* skipValue(reader: JsonReader): Sliced<void> {
  /** The closing bytes that are due. */
  const closings: number[] = []
  let pauseAt = reader.at + SLICE_BYTES
  for (;;) {
    if (reader.at > pauseAt) {
      yield
      pauseAt = reader.at + SLICE_BYTES
    }
    const first = reader.peek()
    if (first === Byte.ArrayOpen || first === Byte.ObjectOpen) {
      reader.at++
      const closing = first === Byte.ArrayOpen ? Byte.ArrayClose : Byte.ObjectClose
      if (!reader.take(closing)) {
        closings.push(closing)
        if (closing === Byte.ObjectClose) skipKey(reader)
        continue
      }
    } else {
      skipScalar(reader, first)
    }
    for (;;) {
      const closing = closings.at(-1)
      if (closing === undefined) return
      if (reader.take(Byte.Comma)) {
        if (closing === Byte.ObjectClose) skipKey(reader)
        break
      }
      reader.expect(closing)
      closings.pop()
    }
  }
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

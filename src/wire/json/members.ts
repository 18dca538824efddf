import { Byte } from './bytes.ts'
import type { JsonReader } from './reader.ts'

/** The keys of the next object; the caller reads each one's value before it asks for the next. */
export function* membersOf(reader: JsonReader): Generator<string, void, void> {
  reader.expect(Byte.ObjectOpen)
  if (reader.take(Byte.ObjectClose)) return
  do {
    if (reader.peek() !== Byte.Quote) throw reader.wrong('a name expected')
    const key = reader.string()
    reader.expect(Byte.Colon)
    yield key
  } while (reader.take(Byte.Comma))
  reader.expect(Byte.ObjectClose)
}

/** Counts through the next array; the caller reads each element before it asks for the next. */
export function* elementsOf(reader: JsonReader): Generator<number, void, void> {
  reader.expect(Byte.ArrayOpen)
  if (reader.take(Byte.ArrayClose)) return
  let index = 0
  do yield index++
  while (reader.take(Byte.Comma))
  reader.expect(Byte.ArrayClose)
}

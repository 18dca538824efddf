import { Byte } from './bytes.ts'
import type { JsonReader } from './reader.ts'

/** The keys of the next object; the caller reads each one's value before it asks for the next. */
export function membersOf(reader: JsonReader): Iterable<string> {
  return new Members(reader)
}

/** Counts through the next array; the caller reads each element before it asks for the next. */
export function elementsOf(reader: JsonReader): Iterable<number> {
  return new Elements(reader)
}

/**
 * Walks through an object or an array. It is its own iterator and that one's result: a small
 * request has a dozen of these, and a generator's garbage costs more than its work.
 */
abstract class Walk<T> implements Iterable<T>, Iterator<T, void> {
  abstract value: T
  done = false
  protected readonly reader: JsonReader
  readonly #closing: number
  #isFirst = true

  constructor(reader: JsonReader, opening: number, closing: number) {
    reader.expect(opening)
    this.reader = reader
    this.#closing = closing
  }

  [Symbol.iterator](): Iterator<T, void> {
    return this
  }

  next(): IteratorResult<T, void> {
    if (this.#hasNext()) this.read()
    else this.done = true
    return this as IteratorResult<T, void>
  }

  protected abstract read(): void

  #hasNext(): boolean {
    if (!this.#isFirst) {
      if (this.reader.take(Byte.Comma)) return true
      this.reader.expect(this.#closing)
      return false
    }
    this.#isFirst = false
    return !this.reader.take(this.#closing)
  }
}

class Members extends Walk<string> {
  value = ''

  constructor(reader: JsonReader) {
    super(reader, Byte.ObjectOpen, Byte.ObjectClose)
  }

  protected read(): void {
    const { reader } = this
    if (reader.peek() !== Byte.Quote) throw reader.wrong('a name expected')
    this.value = reader.string()
    reader.expect(Byte.Colon)
  }
}

class Elements extends Walk<number> {
  value = -1

  constructor(reader: JsonReader) {
    super(reader, Byte.ArrayOpen, Byte.ArrayClose)
  }

  protected read(): void {
    this.value++
  }
}

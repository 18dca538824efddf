import { type Buffer, isUtf8 } from 'node:buffer'

import { CutoverError } from '../../domain/errors.ts'
import { Byte } from './bytes.ts'

/** With at most this many digits and such a power of ten a double is one exact operation. */
const EXACT_DIGITS_MAX = 15
const EXACT_POWERS = Array.from({ length: 23 }, (_, power) => Number(`1e${power}`))
/** Any exponent beyond it gives 0 or Infinity. */
const EXPONENT_MAX = 100_000
const WORD = /^(?:true|false|null|NaN|-?Inf(?:inity)?)$/
const WORD_BYTES_MAX = 9
const PLAIN_BYTES_MAX = 64
/** Those of 2^64, or of -2^63 with its sign. */
const WIDE_DIGITS_MAX = 20
/** What is read between two turns of others. */
const SLICE_BYTES = 64 * 1024
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * Reads JSON (RFC 8259) from bytes, token by token: what `JSON.parse` cannot do is to keep
 * integers exact beyond 2^53, to accept NaN and Infinity, or to pause in a large array.
 * Everything throws REQUEST_INVALID with the position of what is wrong.
 */
export class JsonReader {
  readonly bytes: Buffer
  at: number
  /** Where the last number began. */
  tokenAt = 0
  /** Whether the last number had neither a fraction nor an exponent. */
  isInteger = false
  #sliceAt = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
    const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
    this.at = hasMark ? 3 : 0
  }

  /**
   * Whether others are due a turn: so many bytes were read since it last said so, of whatever
   * values. Where `at` has gone back, to what was skipped and is now read, it counts from there: a
   * small request never pauses.
   */
  isDue(): boolean {
    const read = this.at - this.#sliceAt
    if (read >= 0 && read < SLICE_BYTES) return false
    this.#sliceAt = this.at
    return read > 0
  }

  /** The first byte of the next token, or -1 at the end; white space before it is passed. */
  peek(): number {
    const { bytes } = this
    for (;;) {
      const byte = bytes[this.at]
      if (byte === undefined) return -1
      if (byte !== Byte.Space && byte !== Byte.Newline && byte !== Byte.Return && byte !== Byte.Tab)
        return byte
      this.at++
    }
  }

  /** Passes the byte when it is the next one. */
  take(byte: number): boolean {
    if (this.peek() !== byte) return false
    this.at++
    return true
  }

  expect(byte: number): void {
    if (!this.take(byte)) throw this.wrong(`'${String.fromCharCode(byte)}' expected`)
  }

  /** Nothing but white space may be left. */
  expectEnd(): void {
    if (this.peek() !== -1) throw this.wrong('something follows the end of the JSON text')
  }

  string(): string {
    this.expect(Byte.Quote)
    const { bytes } = this
    const start = this.at
    const plainEnd = this.#plainStringEnd(start)
    if (plainEnd >= 0) {
      this.at = plainEnd + 1
      return bytes.toString('latin1', start, plainEnd)
    }
    const end = this.#stringEnd(start)
    this.at = end + 1
    const raw = bytes.subarray(start, end)
    if (!isUtf8(raw)) throw this.wrong('a string that is not UTF-8', start)
    const text = bytes.toString('utf8', start, end)
    if (!this.#escaped && !this.#controlIn(text)) return text
    try {
      const value = JSON.parse(`"${text}"`) as string
      if (!LONE_SURROGATE.test(value)) return value
    } catch {
      // Told below.
    }
    throw this.wrong('a string with a control character or a wrong escape', start)
  }

  /** Passes a string without making one of it. */
  skipString(): void {
    this.expect(Byte.Quote)
    this.at = this.#stringEnd(this.at) + 1
  }

  /** A number of JSON's grammar, as the nearest double. */
  number(): number {
    this.peek()
    const { bytes } = this
    const start = this.at
    let at = start
    const negative = bytes[at] === Byte.Minus
    if (negative) at++
    const integerAt = at
    let mantissa = 0
    for (let digit = digitOf(bytes[at]); digit >= 0; digit = digitOf(bytes[++at])) {
      mantissa = mantissa * 10 + digit
    }
    let digits = at - integerAt
    if (digits === 0 || (digits > 1 && bytes[integerAt] === Byte.Zero)) {
      throw this.wrong('this is not a JSON value', start)
    }
    let scale = 0
    this.isInteger = true
    if (bytes[at] === Byte.Dot) {
      this.isInteger = false
      const fractionAt = ++at
      for (let digit = digitOf(bytes[at]); digit >= 0; digit = digitOf(bytes[++at])) {
        mantissa = mantissa * 10 + digit
      }
      scale = fractionAt - at
      if (scale === 0) throw this.wrong('this is not a JSON value', start)
      digits -= scale
    }
    if (bytes[at] === Byte.E || bytes[at] === Byte.UpperE) {
      this.isInteger = false
      at++
      const falling = bytes[at] === Byte.Minus
      if (falling || bytes[at] === Byte.Plus) at++
      const exponentAt = at
      let exponent = 0
      for (let digit = digitOf(bytes[at]); digit >= 0; digit = digitOf(bytes[++at])) {
        exponent = Math.min(exponent * 10 + digit, EXPONENT_MAX)
      }
      if (at === exponentAt) throw this.wrong('this is not a JSON value', start)
      scale += falling ? -exponent : exponent
    }
    this.at = at
    this.tokenAt = start
    const power = EXACT_POWERS[Math.abs(scale)]
    if (digits > EXACT_DIGITS_MAX || power === undefined) return Number(this.token())
    const value = scale < 0 ? mantissa / power : mantissa * power
    return negative ? -value : value
  }

  /** The text of the number that was read last. */
  token(): string {
    return this.bytes.toString('latin1', this.tokenAt, this.at)
  }

  /** The number that was read last, exact; undefined when no 64 bits hold so many digits. */
  integer(): bigint | undefined {
    const token = this.token()
    return token.length > WIDE_DIGITS_MAX ? undefined : BigInt(token)
  }

  /** What `atNumberWord` saw. */
  numberWord(): number {
    const word = this.word()
    if (word === 'NaN') return NaN
    return word.startsWith('-') ? -Infinity : Infinity
  }

  /** Whether a number of JSON's grammar is next. */
  atNumber(): boolean {
    const first = this.peek()
    if (first === Byte.Minus) return !this.atNumberWord()
    return first >= Byte.Zero && first <= Byte.Nine
  }

  /** `true`, `false`, `null`, or what JSON has not but clients write: NaN, Infinity, Inf. */
  word(): string {
    this.peek()
    const { bytes } = this
    const start = this.at
    let at = start
    while (isWordByte(bytes[at]) && at - start <= WORD_BYTES_MAX) at++
    const word = bytes.toString('latin1', start, at)
    if (!WORD.test(word)) throw this.wrong('this is not a JSON value', start)
    this.at = at
    return word
  }

  /** Whether a number word is next: NaN, Infinity, -Infinity, Inf or -Inf. */
  atNumberWord(): boolean {
    const byte = this.peek()
    if (byte === Byte.Minus) return this.bytes[this.at + 1] === Byte.UpperI
    return byte === Byte.UpperI || byte === Byte.UpperN
  }

  wrong(what: string, at: number = this.at): CutoverError {
    return new CutoverError('REQUEST_INVALID', `the JSON is malformed at byte ${at}: ${what}`)
  }

  /** Of a short string of printable ASCII without escapes, which most are; -1 of any other. */
  #plainStringEnd(start: number): number {
    const { bytes } = this
    const stop = Math.min(bytes.length, start + PLAIN_BYTES_MAX)
    for (let at = start; at < stop; at++) {
      const byte = bytes[at] ?? 0
      if (byte === Byte.Quote) return at
      if (byte < Byte.Space || byte > Byte.Tilde || byte === Byte.Backslash) return -1
    }
    return -1
  }

  #escaped = false

  #stringEnd(start: number): number {
    const { bytes } = this
    this.#escaped = false
    let quote = bytes.indexOf(Byte.Quote, start)
    while (quote >= 0) {
      let backslashes = 0
      while (bytes[quote - 1 - backslashes] === Byte.Backslash && quote - backslashes > start) {
        backslashes++
      }
      if (backslashes % 2 === 0) {
        const escape = bytes.subarray(start, quote).indexOf(Byte.Backslash)
        this.#escaped = escape >= 0
        return quote
      }
      quote = bytes.indexOf(Byte.Quote, quote + 1)
    }
    throw this.wrong('a string without an end', start)
  }

  #controlIn(text: string): boolean {
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < Byte.Space) return true
    return false
  }
}

function digitOf(byte: number | undefined): number {
  return byte !== undefined && byte >= Byte.Zero && byte <= Byte.Nine ? byte - Byte.Zero : -1
}

function isWordByte(byte: number | undefined): boolean {
  return byte !== undefined && (byte === Byte.Minus || ((byte | 0x20) - 0x61) >>> 0 < 26)
}

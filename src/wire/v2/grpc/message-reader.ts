import type { Buffer } from 'node:buffer'

import protobuf from 'protobufjs/minimal.js'

import { CutoverError } from '../../../domain/errors.ts'

const FIELD_NUMBER_SHIFT = 3
const WIRE_TYPE_MASK = 7
const LENGTH_DELIMITED = 2

/**
 * Reads one message of protobuf's wire format field by field, in place: a field of bytes is a view.
 * Reads throw RangeError beyond the message, so an inner message is read by a reader of its own.
 */
export class MessageReader {
  readonly #reader: protobuf.Reader
  #wireType = 0

  constructor(bytes: Buffer) {
    this.#reader = protobuf.Reader.create(bytes)
  }

  /** The number of the next field; 0 at the end. */
  next(): number {
    if (this.#reader.pos >= this.#reader.len) return 0
    const tag = this.#reader.uint32()
    this.#wireType = tag & WIRE_TYPE_MASK
    const field = tag >>> FIELD_NUMBER_SHIFT
    if (field === 0) throw new RangeError('a field without a number')
    return field
  }

  skip(): void {
    this.#reader.skipType(this.#wireType)
  }

  string(): string {
    this.#expect(LENGTH_DELIMITED)
    return this.#reader.string()
  }

  bytes(): Buffer {
    this.#expect(LENGTH_DELIMITED)
    return this.#reader.bytes() as Buffer
  }

  bool(): boolean {
    return this.#reader.bool()
  }

  double(): number {
    return this.#reader.double()
  }

  int64(): bigint {
    return wide(this.#reader.int64())
  }

  uint64(): bigint {
    return BigInt.asUintN(64, wide(this.#reader.uint64()))
  }

  /** The numbers of a repeated int64, packed or one of them; beyond 2^53 they are not exact. */
  *sizes(): Generator<number> {
    if (this.#wireType !== LENGTH_DELIMITED) {
      yield sizeOf(this.#reader.int64())
      return
    }
    const packed = protobuf.Reader.create(this.#reader.bytes())
    while (packed.pos < packed.len) yield sizeOf(packed.int64())
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) throw new RangeError('a field of another type')
  }
}

/** Runs a decoder; throws REQUEST_INVALID where the bytes are no such message. */
export function decodedMessage<T>(name: string, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (error instanceof CutoverError) throw error
    throw notMessage(name, error)
  }
}

export function notMessage(name: string, cause: unknown): CutoverError {
  return new CutoverError('REQUEST_INVALID', `the message is not a ${name}`, { cause })
}

interface Halves {
  readonly low: number
  readonly high: number
}

function wide({ low, high }: Halves): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0)
}

function sizeOf({ low, high }: Halves): number {
  return high * 2 ** 32 + (low >>> 0)
}

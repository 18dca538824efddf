import { Buffer } from 'node:buffer'

import protobuf from 'protobufjs/minimal.js'

import { CutoverError } from '../../../domain/errors.ts'
import { bytesPerElement, type DType, elementCount } from '../../../domain/tensor.ts'
import type { Sliced } from '../../../lib/in-slices.ts'
import { datatypeOf } from '../datatype.ts'
import { checkCount, type InputHead } from '../input-head.ts'

const ELEMENTS_PER_SLICE = 65_536
const WIRE_TYPE_MASK = 7
const LENGTH_DELIMITED = 2

/** The fields of an InferTensorContents, by their numbers. */
const FIELDS = [
  'bool_contents',
  'int_contents',
  'int64_contents',
  'uint_contents',
  'uint64_contents',
  'fp32_contents',
  'fp64_contents',
  'bytes_contents',
] as const

const FIELD_OF = {
  bool: 1,
  int8: 2,
  int16: 2,
  int32: 2,
  int64: 3,
  uint8: 4,
  uint16: 4,
  uint32: 4,
  uint64: 5,
  float16: undefined,
  float32: 6,
  float64: 7,
  string: 8,
} as const satisfies Record<DType, number | undefined>

/**
 * The elements of typed contents, as a tensor's data. Throws TENSOR_INVALID when they lie in the
 * field of another datatype, are not as many as the shape says, do not fit the datatype, or take
 * more than `bytesMax`; RangeError when the bytes are no such message.
 */
export function* readContents(
  head: InputHead,
  contents: Buffer,
  bytesMax: number,
): Sliced<Uint8Array> {
  const { name, dtype, shape } = head
  const field = FIELD_OF[dtype]
  if (field === undefined) {
    throw invalid(`input ${name}: FP16 has no typed contents, send it in raw_input_contents`)
  }
  const count = elementCount(shape)
  const sink = new Sink(head, count, contents.length, bytesMax)
  const reader = protobuf.Reader.create(contents)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const wireType = tag & WIRE_TYPE_MASK
    const number = tag >>> 3
    if (number === field && dtype === 'string') {
      sink.string(reader, contents)
    } else if (number === field && wireType === LENGTH_DELIMITED) {
      const packed = reader.bytes() as Buffer
      if (dtype === 'float32' || dtype === 'float64') sink.fixed(packed)
      else yield* sink.varints(packed)
    } else if (number === field) {
      sink.number(reader)
    } else if (number >= 1 && number <= FIELDS.length) {
      throw invalid(
        `input ${name}: ${datatypeOf(dtype)} has its elements in ${FIELDS[field - 1]}, ` +
          `not in ${FIELDS[number - 1]}`,
      )
    } else {
      reader.skipType(wireType)
    }
    if (sink.count % ELEMENTS_PER_SLICE === ELEMENTS_PER_SLICE - 1) yield
  }
  checkCount(head, count, sink.count)
  return sink.data()
}

/** Collects elements in memory for as many as there can be. */
class Sink {
  count = 0
  readonly #head: InputHead
  readonly #countMax: number
  readonly #bytes: Buffer
  #at = 0

  constructor(head: InputHead, count: number, wireBytes: number, bytesMax: number) {
    this.#head = head
    this.#countMax = count
    // No element takes less than a byte, and a string not less than two besides its own.
    const elements = Math.min(count, wireBytes)
    const size = bytesPerElement(head.dtype)
    const bytes = size === 0 ? wireBytes + 2 * Math.min(count, wireBytes / 2) : elements * size
    if (bytes > bytesMax) {
      throw invalid(`input ${head.name} has more than ${bytesMax} bytes: send raw_input_contents`)
    }
    this.#bytes = Buffer.allocUnsafe(Math.ceil(bytes))
  }

  data(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  /** Floats are on the wire as they are in a tensor. */
  fixed(packed: Buffer): void {
    const size = bytesPerElement(this.#head.dtype)
    if (packed.length % size !== 0) throw new RangeError('part of a number')
    const more = packed.length / size
    this.#expectRoomFor(more)
    this.#at += packed.copy(this.#bytes, this.#at)
    this.count += more
  }

  *varints(packed: Buffer): Sliced<void> {
    const reader = protobuf.Reader.create(packed)
    while (reader.pos < reader.len) {
      this.number(reader)
      if (this.count % ELEMENTS_PER_SLICE === 0) yield
    }
  }

  number(reader: protobuf.Reader): void {
    this.#expectRoomFor(1)
    this.#at = this.#write(reader)
    this.count++
  }

  string(reader: protobuf.Reader, from: Buffer): void {
    this.#expectRoomFor(1)
    const length = reader.uint32()
    const start = reader.pos
    reader.skip(length)
    this.#at = this.#bytes.writeUInt32LE(length, this.#at)
    this.#at += from.copy(this.#bytes, this.#at, start, start + length)
    this.count++
  }

  #expectRoomFor(more: number): void {
    if (this.count + more > this.#countMax)
      checkCount(this.#head, this.#countMax, this.count + more)
  }

  /** Writes the next element and answers where the one after it goes. */
  #write(reader: protobuf.Reader): number {
    const at = this.#at
    switch (this.#head.dtype) {
      case 'bool':
        return this.#bytes.writeUInt8(reader.bool() ? 1 : 0, at)
      case 'int8':
        return this.#bytes.writeInt8(this.#within(reader.int32(), -128, 127), at)
      case 'int16':
        return this.#bytes.writeInt16LE(this.#within(reader.int32(), -32_768, 32_767), at)
      case 'int32':
        return this.#bytes.writeInt32LE(reader.int32(), at)
      case 'uint8':
        return this.#bytes.writeUInt8(this.#within(reader.uint32(), 0, 255), at)
      case 'uint16':
        return this.#bytes.writeUInt16LE(this.#within(reader.uint32(), 0, 65_535), at)
      case 'uint32':
        return this.#bytes.writeUInt32LE(reader.uint32(), at)
      case 'int64':
      case 'uint64': {
        // The two halves are the same whether it has a sign or not.
        const { low, high } = reader.int64()
        return this.#bytes.writeInt32LE(high, this.#bytes.writeInt32LE(low, at))
      }
      case 'float32':
        return this.#bytes.writeFloatLE(reader.float(), at)
      default:
        return this.#bytes.writeDoubleLE(reader.double(), at)
    }
  }

  #within(value: number, min: number, max: number): number {
    if (value >= min && value <= max) return value
    const { name, dtype } = this.#head
    throw invalid(`input ${name}: element ${this.count} is ${value}: no ${datatypeOf(dtype)}`)
  }
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('TENSOR_INVALID', sentence)
}

/**
 * Protocol Buffers' wire format, as far as ONNX needs it
 * (https://protobuf.dev/programming-guides/encoding/). A message is a list of chunks: large
 * fields stay where they are until the file is written.
 */
export class Message {
  readonly chunks: Chunk[] = []
  bytes = 0

  int(field: number, value: number): this {
    return this.#push(concat(varint(tag(field, 0)), varint(value)))
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    return this.#push(concat(varint(tag(field, 5)), bytes))
  }

  string(field: number, value: string): this {
    return this.blob(field, Buffer.from(value, 'utf8'))
  }

  blob(field: number, value: Uint8Array): this {
    return this.#push(concat(varint(tag(field, 2)), varint(value.length), value))
  }

  /** Bytes that are made when the file is written. */
  deferred(field: number, bytes: number, load: () => ArrayBufferView): this {
    this.#push(concat(varint(tag(field, 2)), varint(bytes)))
    this.chunks.push({ bytes, load })
    this.bytes += bytes
    return this
  }

  message(field: number, value: Message): this {
    this.#push(concat(varint(tag(field, 2)), varint(value.bytes)))
    for (const chunk of value.chunks) this.chunks.push(chunk)
    this.bytes += value.bytes
    return this
  }

  /** Repeated numbers, packed. */
  ints(field: number, values: readonly number[]): this {
    return this.blob(field, concat(...values.map(varint)))
  }

  floats(field: number, values: readonly number[]): this {
    const floats = Float32Array.from(values)
    return this.blob(field, new Uint8Array(floats.buffer))
  }

  #push(bytes: Uint8Array): this {
    this.chunks.push(bytes)
    this.bytes += bytes.length
    return this
  }
}

export type Chunk = Uint8Array | { readonly bytes: number; load(): ArrayBufferView }

function tag(field: number, wireType: number): number {
  return field * 8 + wireType
}

/** Base 128, the least significant group first; negative numbers as 64-bit two's complement. */
function varint(value: number): Uint8Array {
  const bytes: number[] = []
  if (value < 0) {
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
    return Uint8Array.of(...bytes, Number(rest))
  }
  let rest = value
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  return Uint8Array.of(...bytes, rest)
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts)
}

import { Buffer } from 'node:buffer'

/**
 * One feature of a tf.Example (tensorflow/core/example/feature.proto). Integers are bigint, so
 * that they keep all 64 bits.
 */
export type Feature =
  | { readonly kind: 'bytes'; readonly values: readonly Buffer[] }
  | { readonly kind: 'floats'; readonly values: readonly number[] }
  | { readonly kind: 'integers'; readonly values: readonly bigint[] }

export type Example = ReadonlyMap<string, Feature>

const BYTES = 2
/** Fields of Feature. */
const KIND_FIELDS = { bytes: 1, floats: 2, integers: 3 } as const

/**
 * The bytes of a tf.Example in Protocol Buffers' encoding:
 * Example{1: Features{1: map<string, Feature>}}, each Feature one list of values in its field 1.
 */
export function encodeExample(example: Example): Buffer {
  const entries = [...example].map(([name, feature]) =>
    field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, encodeFeature(feature))])),
  )
  return field(1, Buffer.concat(entries))
}

function encodeFeature(feature: Feature): Buffer {
  return field(KIND_FIELDS[feature.kind], listOf(feature))
}

function listOf(feature: Feature): Buffer {
  switch (feature.kind) {
    case 'bytes':
      return Buffer.concat(feature.values.map((value) => field(1, value)))
    case 'floats': {
      const packed = Buffer.alloc(feature.values.length * Float32Array.BYTES_PER_ELEMENT)
      for (const [i, value] of feature.values.entries()) {
        packed.writeFloatLE(value, i * Float32Array.BYTES_PER_ELEMENT)
      }
      return field(1, packed)
    }
    case 'integers':
      return field(1, Buffer.from(feature.values.flatMap(varint)))
  }
}

function field(number: number, content: Uint8Array): Buffer {
  const head = [...varint(BigInt((number << 3) | BYTES)), ...varint(BigInt(content.length))]
  return Buffer.concat([Buffer.from(head), content])
}

/** Seven bits a byte, the lowest first; a negative number as its 64 bits. */
function varint(value: bigint): number[] {
  let rest = BigInt.asUintN(64, value)
  const bytes: number[] = []
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  return [...bytes, Number(rest)]
}

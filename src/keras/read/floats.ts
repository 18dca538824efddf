import { unloadable } from '../failure.ts'

/** How HDF5 describes the elements of a dataset. */
export interface FloatSource {
  /** HDF5's class of the type: 0 is whole numbers, 1 floating point, 5 opaque. */
  readonly type: number
  readonly size: number
  readonly bfloat16: boolean
  readonly dtype: string
}

/** Values as the library hands them over, as 32-bit floats. */
export function floatsOf(values: unknown, source: FloatSource, path: string): Float32Array {
  if (source.bfloat16 && ArrayBuffer.isView(values)) return fromBfloat16(bytesOf(values))
  if (values instanceof Float32Array) return values
  if (source.type === 1 && source.size === 2 && ArrayBuffer.isView(values)) {
    return fromFloat16(bytesOf(values))
  }
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    return Float32Array.from(values, Number)
  }
  if (typeof values === 'number' || typeof values === 'bigint')
    return Float32Array.of(Number(values))
  if (ArrayBuffer.isView(values) && !(values instanceof DataView)) {
    return Float32Array.from(values as Float64Array)
  }
  if (Array.isArray(values) && values.every((value) => typeof value === 'number')) {
    return Float32Array.from(values)
  }
  throw unloadable(`${path} holds ${source.dtype}, not numbers`)
}

function bytesOf(view: ArrayBufferView): Uint16Array {
  return new Uint16Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength))
}

/** The upper half of a 32-bit float. */
function fromBfloat16(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer)
}

/** IEEE 754 binary16: 1 sign bit, 5 exponent bits with bias 15, 10 fraction bits. */
function fromFloat16(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1
    const exponent = (half >> 10) & 0x1f
    const fraction = half & 0x3ff
    if (exponent === 0) return sign * fraction * 2 ** -24
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  })
}

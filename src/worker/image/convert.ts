import type { ImageDType } from '../../domain/manifest.ts'

/**
 * Writes float32 values as another type. Integers are rounded half to even and saturate, as
 * TensorFlow's and ONNX's quantisation do; float16 is rounded to nearest, ties to even.
 */
export function convert(
  values: Float32Array,
  dtype: Exclude<ImageDType, 'float32'>,
  into: Uint8Array,
): void {
  const { buffer, byteOffset, byteLength } = into
  switch (dtype) {
    case 'uint8':
      // The language's own clamped conversion rounds half to even.
      new Uint8ClampedArray(buffer, byteOffset, byteLength).set(values)
      break
    case 'int8':
      saturate(values, -128, 127, new Int8Array(buffer, byteOffset, byteLength))
      break
    case 'int32':
      saturate(values, -(2 ** 31), 2 ** 31 - 1, new Int32Array(buffer, byteOffset, byteLength / 4))
      break
    case 'float16': {
      const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
      const halves = new Uint16Array(buffer, byteOffset, byteLength / 2)
      for (let i = 0; i < halves.length; i++) halves[i] = float16Bits(bits[i] ?? 0)
      break
    }
  }
}

function saturate(
  values: Float32Array,
  min: number,
  max: number,
  into: Int8Array | Int32Array,
): void {
  for (let i = 0; i < into.length; i++) {
    const value = values[i] ?? 0
    const rounded = Math.round(value)
    // Math.round takes a half up; every other half belongs to the even integer below.
    const even = rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
    into[i] = even < min ? min : even > max ? max : even
  }
}

/** The IEEE 754 half-precision bits of a number given as its single-precision bits. */
export function float16Bits(float32Bits: number): number {
  const sign = (float32Bits >>> 16) & 0x8000
  const magnitude = float32Bits & 0x7fff_ffff
  if (magnitude > 0x7f80_0000) return sign | 0x7e00 // NaN
  if (magnitude >= 0x477f_f000) return sign | 0x7c00 // 65520 and up round to infinity
  if (magnitude < 0x3880_0000) {
    // Below 2^-14 a half is subnormal: a multiple of 2^-24, the mantissa without its exponent.
    const shift = 126 - (magnitude >>> 23)
    if (shift > 24) return sign // below 2^-25, half of the smallest
    return sign | roundedShift((magnitude & 0x7f_ffff) | 0x80_0000, shift)
  }
  // Exponent 127 becomes 15; a carry out of the mantissa raises the exponent, as it should.
  return sign | roundedShift(magnitude - (112 << 23), 13)
}

/** `bits / 2^shift`, rounded to nearest, ties to even. */
function roundedShift(bits: number, shift: number): number {
  const quotient = bits >>> shift
  const remainder = bits & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  const up = remainder > half || (remainder === half && (quotient & 1) === 1)
  return up ? quotient + 1 : quotient
}

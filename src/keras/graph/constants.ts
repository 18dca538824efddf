import type { Constant } from './ir.ts'

export function eager(data: ArrayBufferView): Constant {
  return { bytes: data.byteLength, load: () => data }
}

/** Floats that are made anew each time they are asked for: what is large is not kept. */
export function lazy(count: number, load: () => Float32Array): Constant {
  return { bytes: count * 4, load }
}

export function floatsOf(constant: Constant): Float32Array {
  const data = constant.load()
  if (data instanceof Float32Array) return data
  throw new TypeError('a constant that is not of floats')
}

/** Row-major strides of a shape. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1)
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] ?? 1) * (shape[axis + 1] ?? 1)
  }
  return strides
}

/** Axis `i` of the result is axis `permutation[i]` of the given. */
export function transposed(
  data: Float32Array,
  shape: readonly number[],
  permutation: readonly number[],
): Float32Array {
  const strides = stridesOf(shape)
  const to = permutation.map((axis) => ({ size: shape[axis] ?? 1, stride: strides[axis] ?? 1 }))
  const inner = to.pop()
  if (inner === undefined) return data
  const result = new Float32Array(data.length)
  const index = to.map(() => 0)
  let from = 0
  for (let at = 0; at < result.length;) {
    for (let i = 0, source = from; i < inner.size; i++, source += inner.stride) {
      result[at++] = data[source] ?? 0
    }
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const { size, stride } = to[axis] ?? { size: 1, stride: 0 }
      const next = (index[axis] ?? 0) + 1
      from += stride
      if (next < size) {
        index[axis] = next
        break
      }
      index[axis] = 0
      from -= size * stride
    }
  }
  return result
}

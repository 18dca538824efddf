export type PillowFilter = 'bilinear' | 'bicubic'

/** Bits of the fraction in a fixed-point weight: 32 less 8 of the value and 2 spare ones. */
export const PRECISION_BITS = 22

/** For each position of the result along one axis: where its window starts, and its weights. */
export interface Windows {
  readonly first: Int32Array
  readonly length: Int32Array
  /** `size` fixed-point weights per position, the first `length` of them used, the others 0. */
  readonly weights: Int32Array
  readonly size: number
}

/**
 * The windows that take `from` samples to `to`. When shrinking, the filter widens with the scale
 * so that every sample counts. A window stops at the edges and its weights sum to one without what
 * lies beyond. Takes some 20 µs for 224 positions, little beside the resize: not worth keeping.
 */
export function windowsOf(from: number, to: number, filter: PillowFilter): Windows {
  const [kernel, reach] = filter === 'bilinear' ? [triangle, 1] : [cubic, 2]
  const scale = from / to
  const stretch = Math.max(scale, 1)
  const support = reach * stretch
  const size = Math.ceil(support) * 2 + 1
  const first = new Int32Array(to)
  const length = new Int32Array(to)
  const weights = new Int32Array(to * size)
  const real = new Float64Array(size)
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale
    const start = Math.max(Math.trunc(centre - support + 0.5), 0)
    const count = Math.min(Math.trunc(centre + support + 0.5), from) - start
    let sum = 0
    for (let k = 0; k < count; k++) {
      const weight = kernel((k + start - centre + 0.5) * (1 / stretch))
      real[k] = weight
      sum += weight
    }
    for (let k = 0; k < count; k++) {
      const weight = ((real[k] ?? 0) / sum) * (1 << PRECISION_BITS)
      weights[i * size + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5)
    }
    first[i] = start
    length[i] = count
  }
  return { first, length, weights, size }
}

function triangle(x: number): number {
  return Math.max(0, 1 - Math.abs(x))
}

/** The cubic convolution kernel with a = −0.5. */
function cubic(x: number): number {
  const a = -0.5
  const d = Math.abs(x)
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0
}

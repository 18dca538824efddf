import type { Constant } from './ir.ts'

export function eager(data: ArrayBufferView): Constant {
  return { bytes: data.byteLength, isFresh: false, load: () => data }
}

/** Floats that are made anew each time they are asked for: what is large is not kept. */
export function lazy(count: number, load: () => Float32Array): Constant {
  return { bytes: count * 4, isFresh: true, load }
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

/** Both sides of a tile of this many elements squared fit the first cache. */
const TILE = 64

/**
 * Axis `i` of the result is axis `permutation[i]`. What lies together in the input and what lies
 * together in the result are gone through in tiles: element by element, most time would be spent
 * waiting for memory.
 */
export function transposed(
  data: Float32Array,
  shape: readonly number[],
  permutation: readonly number[],
): Float32Array {
  const from = stridesOf(shape)
  const to = stridesOf(permutation.map((axis) => shape[axis] ?? 1))
  const axes = joined(
    permutation
      .map((axis, at) => ({ size: shape[axis] ?? 1, from: from[axis] ?? 1, to: to[at] ?? 1 }))
      .filter(({ size }) => size !== 1),
  )
  const fast = axes.find((axis) => axis.from === 1)
  const inner = axes.at(-1)
  if (fast === undefined || inner === undefined || fast === inner) {
    return rearranged(data, axes)
  }
  const result = new Float32Array(data.length)
  const outer = axes.filter((axis) => axis !== fast && axis !== inner)
  forEachIndex(outer, (source, target) => {
    for (let high = 0; high < inner.size; high += TILE) {
      const innerEnd = Math.min(inner.size, high + TILE)
      for (let low = 0; low < fast.size; low += TILE) {
        const fastEnd = Math.min(fast.size, low + TILE)
        for (let i = low; i < fastEnd; i++) {
          const place = target + i * fast.to
          for (let j = high; j < innerEnd; j++) {
            result[place + j] = data[source + i + j * inner.from] ?? 0
          }
        }
      }
    }
  })
  return result
}

interface Axis {
  readonly size: number
  /** Strides in the input and in the result. */
  readonly from: number
  readonly to: number
}

/** Axes that follow one another on both sides are one: height and width of a kernel. */
function joined(axes: readonly Axis[]): Axis[] {
  return axes.reduce<Axis[]>((all, axis) => {
    const before = all.at(-1)
    const isNext = before?.from === axis.from * axis.size && before.to === axis.to * axis.size
    return isNext
      ? [...all.slice(0, -1), { ...axis, size: before.size * axis.size }]
      : [...all, axis]
  }, [])
}

function rearranged(data: Float32Array, axes: readonly Axis[]): Float32Array {
  const result = new Float32Array(data.length)
  forEachIndex(axes, (source, target) => {
    result[target] = data[source] ?? 0
  })
  return result
}

/** Calls with the places of each index in the input and in the result, the last axis first. */
function forEachIndex(
  axes: readonly Axis[],
  visit: (source: number, target: number) => void,
  source = 0,
  target = 0,
): void {
  const [first, ...rest] = axes
  if (first === undefined) {
    visit(source, target)
    return
  }
  for (let at = 0; at < first.size; at++) {
    forEachIndex(rest, visit, source + at * first.from, target + at * first.to)
  }
}

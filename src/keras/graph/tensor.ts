import type { DType } from '../../domain/tensor.ts'
import { transposed } from './constants.ts'
import type { GraphBuilder } from './builder.ts'
import { type Dim, ints, type Value } from './ir.ts'

/**
 * How the elements lie: `last` as Keras sees them, `first` with the last axis (the channels) moved
 * behind the batch, as ONNX's convolutions want them.
 */
export type Layout = 'last' | 'first'

/**
 * A tensor of a Keras model. Its shape is Keras' own; what stands for it in the graph may lie in
 * another order. A layer takes it in the order it wants, and a transposition is made only where
 * nobody has yet made one: so they appear at the borders of a stretch of convolutions.
 */
export class Tensor {
  readonly dtype: DType
  readonly shape: readonly Dim[]
  /** The order in which it was made. */
  readonly layout: Layout
  /** Which time steps count: bool, [batch, time]. */
  readonly mask: Tensor | undefined
  readonly #values = new Map<Layout, Value>()

  constructor(value: Value, layout: Layout = 'last', mask?: Tensor) {
    this.dtype = value.dtype
    this.shape = layout === 'last' ? value.shape : toLast(value.shape)
    this.layout = layout
    this.mask = mask
    this.#values.set(layout, value)
  }

  get rank(): number {
    return this.shape.length
  }

  has(layout: Layout): boolean {
    return this.#values.has(layout)
  }

  /** The value in this order. Below rank 3 both orders are the same. */
  value(graph: GraphBuilder, layout: Layout = 'last'): Value {
    const known = this.#values.get(layout)
    if (known !== undefined) return known
    const from = this.#values.get(this.layout)
    if (from === undefined) throw new TypeError('a tensor without a value')
    const value = this.rank < 3 ? from : moved(graph, from, layout)
    this.#values.set(layout, value)
    return value
  }

  masked(mask: Tensor | undefined): Tensor {
    if (mask === this.mask) return this
    const copy = new Tensor(this.#values.get(this.layout) as Value, this.layout, mask)
    for (const [layout, value] of this.#values) copy.#values.set(layout, value)
    return copy
  }

  get constant(): boolean {
    return this.#values.get(this.layout)?.constant !== undefined
  }
}

/** Where Keras' axis lies in this order. */
export function axisIn(layout: Layout, axis: number, rank: number): number {
  if (layout === 'last' || rank < 3 || axis === 0) return axis
  return axis === rank - 1 ? 1 : axis + 1
}

/** A list with one entry for each of Keras' axes, in the order of this layout. */
export function inLayout<T>(layout: Layout, perAxis: readonly T[]): T[] {
  return layout === 'last' || perAxis.length < 3 ? [...perAxis] : toFirst(perAxis)
}

function toFirst<T>(perAxis: readonly T[]): T[] {
  return [...perAxis.slice(0, 1), ...perAxis.slice(-1), ...perAxis.slice(1, -1)]
}

function toLast<T>(perAxis: readonly T[]): T[] {
  if (perAxis.length < 3) return [...perAxis]
  return [...perAxis.slice(0, 1), ...perAxis.slice(2), ...perAxis.slice(1, 2)]
}

function moved(graph: GraphBuilder, from: Value, layout: Layout): Value {
  const axes = from.shape.map((_, axis) => axis)
  const permutation = layout === 'first' ? toFirst(axes) : toLast(axes)
  const shape = permutation.map((axis) => from.shape[axis] ?? null)
  const { constant, dtype } = from
  if (constant !== undefined && dtype === 'float32') {
    const sizes = from.shape.map(Number)
    return graph.weights('constant', shape.map(Number), () =>
      transposed(constant.load() as Float32Array, sizes, permutation),
    )
  }
  // With nothing beside the channels, no element moves: a reshape costs nothing.
  const spatial = layout === 'first' ? from.shape.slice(1, -1) : from.shape.slice(2)
  if (spatial.every((size) => size === 1)) {
    const target = shape.map((size, axis) => (axis === 0 ? 0 : (size ?? -1)))
    return graph.op('Reshape', [from, graph.integers(target)], { dtype, shape })
  }
  return graph.op('Transpose', [from], { dtype, shape }, { perm: ints(permutation) })
}

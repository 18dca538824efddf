import { unloadable } from '../../failure.ts'
import type { GraphBuilder } from '../builder.ts'
import { type Dim, int, ints, string, type Value } from '../ir.ts'
import { axisIn, inLayout, Tensor } from '../tensor.ts'
import { commonLayout, normalAxis } from './elementwise.ts'

/** A size that is given, that of an axis of the tensor, or whatever remains. */
export type Size = number | { readonly axis: number } | 'rest'

export function reshape(graph: GraphBuilder, x: Tensor, wanted: readonly Size[]): Tensor {
  const sizes = wanted.map((size): Size => {
    const known = typeof size === 'object' ? x.shape[size.axis] : undefined
    return known ?? size
  })
  const shape = restOf(x.shape, sizes)
  // Whatever follows from the others need not be asked at run time.
  const left = sizes.map((size, at) => (size === 'rest' ? (shape[at] ?? size) : size))
  const value = x.value(graph)
  if (value.constant !== undefined) {
    return new Tensor({ ...value, name: graph.name(value.name), shape })
  }
  return new Tensor(
    graph.op('Reshape', [value, targetOf(graph, value, left)], { dtype: x.dtype, shape }),
  )
}

function restOf(from: readonly Dim[], sizes: readonly Size[]): Dim[] {
  const shape = sizes.map((size): Dim => (typeof size === 'number' ? size : null))
  const at = sizes.indexOf('rest')
  const borrowed = new Set(sizes.flatMap((size) => (typeof size === 'object' ? [size.axis] : [])))
  const given = from.filter((_, axis) => !borrowed.has(axis))
  const all = product(given)
  const others = product(sizes.filter((size) => typeof size === 'number'))
  if (all !== null && others !== null) {
    if (at >= 0 && others > 0 && all % others === 0) shape[at] = all / others
    else if (at >= 0 || all !== others) {
      throw unloadable(`a tensor of [${from.join()}] cannot be given the shape [${shape.join()}]`)
    }
  }
  return shape
}

function product(sizes: readonly Dim[]): number | null {
  return sizes.reduce(
    (all: number | null, size) => (size === null || all === null ? null : all * size),
    1,
  )
}

function targetOf(graph: GraphBuilder, value: Value, sizes: readonly Size[]): Value {
  const open = sizes.filter((size) => typeof size !== 'number')
  // In a Reshape, 0 is "as the input has it" and −1 is "what remains".
  const simple = sizes.map((size, at) => {
    if (typeof size === 'number') return size
    if (size === 'rest' || open.length === 1) return -1
    return size.axis === at ? 0 : undefined
  })
  const numbers = simple.filter((size) => size !== undefined)
  if (numbers.length === sizes.length) return graph.integers(numbers)
  const parts = sizes.map((size) => {
    if (size === 'rest') return graph.integers([-1])
    return typeof size === 'number' ? graph.integers([size]) : sizeOf(graph, value, size.axis)
  })
  return graph.op('Concat', parts, { dtype: 'int64', shape: [sizes.length] }, { axis: int(0) })
}

/** The size of an axis while the model runs: int64[1]. */
export function sizeOf(graph: GraphBuilder, value: Value, axis: number): Value {
  const range = { start: int(axis), end: int(axis + 1) }
  return graph.op('Shape', [value], { dtype: 'int64', shape: [1] }, range)
}

/** Axis `i` of the result is axis `permutation[i]`. */
export function transpose(graph: GraphBuilder, x: Tensor, permutation: readonly number[]): Tensor {
  if (permutation.every((axis, at) => axis === at)) return x
  const shape = permutation.map((axis) => x.shape[axis] ?? null)
  const perm = { perm: ints(permutation) }
  return new Tensor(graph.op('Transpose', [x.value(graph)], { dtype: x.dtype, shape }, perm))
}

export function expandDims(graph: GraphBuilder, x: Tensor, axes: readonly number[]): Tensor {
  const rank = x.rank + axes.length
  const added = new Set(axes.map((axis) => normalAxis(axis, rank)))
  const from = [...x.shape]
  const shape = Array.from({ length: rank }, (_, axis) =>
    added.has(axis) ? 1 : (from.shift() ?? null),
  )
  const inputs = [x.value(graph), graph.integers([...added].sort((a, b) => a - b))]
  return new Tensor(graph.op('Unsqueeze', inputs, { dtype: x.dtype, shape }))
}

export function squeeze(graph: GraphBuilder, x: Tensor, axes: readonly number[]): Tensor {
  const gone = axes.map((axis) => normalAxis(axis, x.rank))
  const shape = x.shape.filter((_, axis) => !gone.includes(axis))
  const inputs = [x.value(graph), graph.integers(gone)]
  return new Tensor(graph.op('Squeeze', inputs, { dtype: x.dtype, shape }))
}

export interface Range {
  readonly axis: number
  /** Negative: from the end. Undefined: from where the step begins, to where it ends. */
  readonly start?: number | undefined
  readonly stop?: number | undefined
  readonly step?: number | undefined
}

const FAR = 2 ** 52

/** Python's slices of some axes. */
export function slice(graph: GraphBuilder, x: Tensor, ranges: readonly Range[]): Tensor {
  const needed = ranges.filter(
    ({ start, stop, step = 1 }) => (start ?? 0) !== 0 || stop !== undefined || step !== 1,
  )
  if (needed.length === 0) return x
  const shape = [...x.shape]
  for (const { axis, start, stop, step = 1 } of needed) {
    shape[axis] = slicedSize(x.shape[axis] ?? null, start, stop, step)
  }
  const steps = needed.map(({ step = 1 }) => step)
  const starts = needed.map(({ start, step = 1 }) => start ?? (step > 0 ? 0 : FAR))
  const stops = needed.map(({ stop, step = 1 }) => stop ?? (step > 0 ? FAR : -FAR))
  const axes = needed.map(({ axis }) => axisIn(x.layout, axis, x.rank))
  const inputs = [starts, stops, axes, steps].map((values) => graph.integers(values))
  const output = { dtype: x.dtype, shape: inLayout(x.layout, shape) }
  return new Tensor(graph.op('Slice', [x.value(graph, x.layout), ...inputs], output), x.layout)
}

function slicedSize(
  size: Dim,
  start: number | undefined,
  stop: number | undefined,
  step: number,
): Dim {
  if (size === null) return null
  const clamp = (at: number, low: number, high: number) =>
    Math.min(Math.max(at < 0 ? at + size : at, low), high)
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1]
  const from = start === undefined ? (step > 0 ? low : high) : clamp(start, low, high)
  const to = stop === undefined ? (step > 0 ? high : low) : clamp(stop, low, high)
  return Math.max(0, Math.ceil((to - from) / step))
}

/** Elements added before and after each of Keras' axes. */
export function pad(
  graph: GraphBuilder,
  x: Tensor,
  pads: readonly (readonly [number, number])[],
  { mode = 'constant', value = 0 } = {},
): Tensor {
  if (pads.every(([before, after]) => before === 0 && after === 0)) return x
  const ordered = inLayout(x.layout, pads)
  const amounts = [...ordered.map(([before]) => before), ...ordered.map(([, after]) => after)]
  const from = x.value(graph, x.layout)
  const shape = from.shape.map((size, at) => {
    const [before, after] = ordered[at] ?? [0, 0]
    return size === null ? null : size + before + after
  })
  const inputs = [from, graph.integers(amounts)]
  if (value !== 0) inputs.push(graph.scalar(value, x.dtype))
  const attributes = mode === 'constant' ? {} : { mode: string(mode) }
  return new Tensor(graph.op('Pad', inputs, { dtype: x.dtype, shape }, attributes), x.layout)
}

export function concat(graph: GraphBuilder, parts: readonly Tensor[], axis: number): Tensor {
  const [first] = parts
  if (first === undefined) throw unloadable('a concatenation of nothing')
  const { rank } = first
  const at = normalAxis(axis, rank)
  const layout = commonLayout(parts, rank)
  const shape = first.shape.map((size, one) => {
    const sizes = parts.map((part) => part.shape[one] ?? null)
    if (one !== at) return sizes.find((other) => other !== null) ?? size
    return sizes.reduce(
      (sum: number | null, part) => (sum === null || part === null ? null : sum + part),
      0,
    )
  })
  const output = { dtype: first.dtype, shape: inLayout(layout, shape) }
  const values = parts.map((part) => part.value(graph, layout))
  const attributes = { axis: int(axisIn(layout, at, rank)) }
  return new Tensor(graph.op('Concat', values, output, attributes), layout, first.mask)
}

/** Picks along an axis; a single index takes the axis away. */
export function gather(graph: GraphBuilder, x: Tensor, indices: Value, axis: number): Tensor {
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]
  const inputs = [x.value(graph), indices]
  const attributes = { axis: int(axis) }
  return new Tensor(graph.op('Gather', inputs, { dtype: x.dtype, shape }, attributes))
}

/** Repeats the whole along each axis. */
export function tile(graph: GraphBuilder, x: Tensor, repeats: readonly number[]): Tensor {
  if (repeats.every((count) => count === 1)) return x
  const shape = x.shape.map((size, axis) => (size === null ? null : size * (repeats[axis] ?? 1)))
  const inputs = [x.value(graph), graph.integers(repeats)]
  return new Tensor(graph.op('Tile', inputs, { dtype: x.dtype, shape }))
}

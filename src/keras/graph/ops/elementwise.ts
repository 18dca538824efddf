import type { DType } from '../../../domain/tensor.ts'
import { unloadable } from '../../failure.ts'
import type { GraphBuilder } from '../builder.ts'
import { type Attributes, type Dim, int, type Value } from '../ir.ts'
import { axisIn, inLayout, type Layout, Tensor } from '../tensor.ts'
import { dataTypeOf } from '../data-type.ts'

/** A function of each element by itself. */
export function unary(
  graph: GraphBuilder,
  op: string,
  x: Tensor,
  attributes: Attributes = {},
  more: readonly Value[] = [],
): Tensor {
  const value = x.value(graph, x.layout)
  const { dtype, shape } = value
  return new Tensor(graph.op(op, [value, ...more], { dtype, shape }, attributes), x.layout, x.mask)
}

/** A function of two tensors, element by element, with numpy's broadcasting. */
export function binary(
  graph: GraphBuilder,
  op: string,
  a: Tensor,
  b: Tensor,
  result?: DType,
): Tensor {
  return elementwise(graph, op, [a, b], result)
}

/** Several operands of any ranks; booleans in the first place choose between the others. */
export function elementwise(
  graph: GraphBuilder,
  op: string,
  operands: readonly Tensor[],
  result?: DType,
): Tensor {
  const shape = operands.map((one) => one.shape).reduce(broadcast)
  const layout = commonLayout(operands, shape.length)
  const values = operands.map((one) => operandIn(graph, one, layout, shape.length))
  const dtype = result ?? operands.at(-1)?.dtype ?? 'float32'
  const out = graph.op(op, values, { dtype, shape: inLayout(layout, shape) })
  return new Tensor(out, layout, operands.find(({ mask }) => mask !== undefined)?.mask)
}

/** The order in which the operands need the fewest transpositions. */
export function commonLayout(operands: readonly Tensor[], rank: number): Layout {
  if (rank < 3) return 'last'
  const full = operands.filter((one) => one.rank === rank && !one.constant)
  const free = (layout: Layout) => full.every((one) => one.has(layout) || isMovable(one))
  const preferred = full.some(({ layout }) => layout === 'first') ? 'first' : 'last'
  if (free(preferred)) return preferred
  return free(preferred === 'first' ? 'last' : 'first')
    ? preferred === 'first'
      ? 'last'
      : 'first'
    : preferred
}

/** Changing the order of something this narrow moves no element. */
function isMovable({ shape }: Tensor): boolean {
  return shape.slice(1, -1).every((size) => size === 1)
}

function operandIn(graph: GraphBuilder, x: Tensor, layout: Layout, rank: number): Value {
  if (layout === 'last' || x.rank === rank || x.rank === 0) return x.value(graph, layout)
  return padRank(graph, x, rank).value(graph, layout)
}

/** The same elements with axes of size 1 in front. */
function padRank(graph: GraphBuilder, x: Tensor, rank: number): Tensor {
  const value = x.value(graph)
  const added = rank - x.rank
  const shape: Dim[] = [...Array.from({ length: added }, () => 1), ...x.shape]
  if (value.constant !== undefined) {
    return new Tensor({ ...value, name: graph.name(value.name), shape })
  }
  const axes = graph.integers(Array.from({ length: added }, (_, axis) => axis))
  return new Tensor(graph.op('Unsqueeze', [value, axes], { dtype: x.dtype, shape }))
}

export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const one = sizeAt(a, axis - rank + a.length)
    const other = sizeAt(b, axis - rank + b.length)
    if (one === 1 || one === other) return other
    if (other === 1 || one === null) return other === 1 ? one : other
    if (other === null) return one
    throw unloadable(`tensors of the shapes [${a.join()}] and [${b.join()}] do not go together`)
  })
}

function sizeAt(shape: readonly Dim[], axis: number): Dim {
  return axis < 0 ? 1 : (shape[axis] ?? null)
}

export function cast(graph: GraphBuilder, x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x
  const value = x.value(graph, x.layout)
  const to = { to: int(dataTypeOf(dtype)) }
  const out = graph.op('Cast', [value], { dtype, shape: value.shape }, to)
  return new Tensor(out, x.layout, x.mask)
}

/** Keras computes in floating point whatever comes in. */
export function toFloat(graph: GraphBuilder, x: Tensor): Tensor {
  return cast(graph, x, 'float32')
}

export function scalar(graph: GraphBuilder, value: number, dtype: DType = 'float32'): Tensor {
  return new Tensor(graph.scalar(value, dtype))
}

/** `x × scale + offset`, each a number or one number per channel, where they change anything. */
export function affine(
  graph: GraphBuilder,
  x: Tensor,
  scale: readonly number[],
  offset: readonly number[],
): Tensor {
  const constant = (values: readonly number[]) =>
    values.length === 1
      ? scalar(graph, values[0] ?? 0)
      : new Tensor(graph.floats(values, [values.length]))
  const scaled = scale.every((s) => s === 1) ? x : binary(graph, 'Mul', x, constant(scale))
  return offset.every((o) => o === 0) ? scaled : binary(graph, 'Add', scaled, constant(offset))
}

export function softmax(graph: GraphBuilder, x: Tensor, axis: number, op = 'Softmax'): Tensor {
  const at = axisIn(x.layout, normalAxis(axis, x.rank), x.rank)
  return unary(graph, op, x, { axis: int(at) })
}

/** From 0 to rank − 1; Keras counts from the end, too. Throws MODEL_UNLOADABLE beyond the rank. */
export function normalAxis(axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis
  if (Number.isSafeInteger(normal) && normal >= 0 && normal < rank) return normal
  throw unloadable(`there is no axis ${axis} in a tensor of ${rank} dimensions`)
}

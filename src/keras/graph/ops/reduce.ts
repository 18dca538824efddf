import type { GraphBuilder } from '../builder.ts'
import { int } from '../ir.ts'
import { axisIn, inLayout, Tensor } from '../tensor.ts'
import { normalAxis } from './elementwise.ts'

export type Reduction =
  | 'ReduceMean'
  | 'ReduceSum'
  | 'ReduceMax'
  | 'ReduceMin'
  | 'ReduceProd'
  | 'ReduceL2'
  | 'ReduceSumSquare'
  | 'ReduceLogSumExp'

/** Over some axes, or over all if none is named. */
export function reduce(
  graph: GraphBuilder,
  op: Reduction,
  x: Tensor,
  axes: readonly number[] | undefined,
  keepdims: boolean,
): Tensor {
  const over = (axes ?? x.shape.map((_, axis) => axis)).map((axis) => normalAxis(axis, x.rank))
  const kept = x.shape.map((size, axis) => (over.includes(axis) ? 1 : size))
  const left = x.shape.filter((_, axis) => !over.includes(axis))
  // With the axes gone the order of those that are left must be Keras'.
  const spatialLeft = x.shape.some((_, axis) => isSpatial(axis, x.rank) && !over.includes(axis))
  const reorders = !keepdims && spatialLeft && !over.includes(x.rank - 1)
  const layout = reorders ? 'last' : x.layout
  const ordered = over.map((axis) => axisIn(layout, axis, x.rank)).sort((a, b) => a - b)
  const value = x.value(graph, layout)
  const shape = keepdims ? inLayout(layout, kept) : left
  const inputs = [value, graph.integers(ordered)]
  const attributes = { keepdims: int(keepdims ? 1 : 0) }
  const out = graph.op(op, inputs, { dtype: x.dtype, shape }, attributes)
  return new Tensor(out, keepdims ? layout : 'last')
}

function isSpatial(axis: number, rank: number): boolean {
  return axis > 0 && axis < rank - 1
}

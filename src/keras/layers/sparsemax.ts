import type { GraphBuilder } from '../graph/builder.ts'
import { int } from '../graph/ir.ts'
import { binary, cast, scalar, unary } from '../graph/ops/elementwise.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { Tensor } from '../graph/tensor.ts'
import { unsupported } from '../failure.ts'

/**
 * Martins & Astudillo, "From Softmax to Sparsemax" (2016), over the last axis, as Keras 3 computes
 * it: with z sorted downwards and c its running sums, the support is where 1 + k z_k > c_k,
 * τ = (Σ c over the support − 1) / its size, and the result is max(z − τ, 0). (The paper has c at the
 * end of the support in place of the sum.)
 */
export function sparsemax(graph: GraphBuilder, x: Tensor): Tensor {
  const size = x.shape.at(-1) ?? null
  if (size === null) throw unsupported('sparsemax over an axis of open size')
  const value = x.value(graph)
  const outputs = [
    { dtype: x.dtype, shape: value.shape },
    { dtype: 'int64' as const, shape: value.shape },
  ]
  const [top] = graph.ops('TopK', [value, graph.integers([size])], outputs, { axis: int(-1) })
  if (top === undefined) throw new TypeError('TopK without an output')
  const sorted = new Tensor(top)
  const axis = graph.scalar(x.rank - 1, 'int64')
  const sums = new Tensor(graph.op('CumSum', [top, axis], { dtype: x.dtype, shape: value.shape }))
  const counts = new Tensor(
    graph.floats(
      Array.from({ length: size }, (_, at) => at + 1),
      [size],
    ),
  )
  const reach = binary(graph, 'Add', binary(graph, 'Mul', sorted, counts), scalar(graph, 1))
  const isIn = cast(graph, binary(graph, 'Greater', reach, sums, 'bool'), 'float32')
  const count = reduce(graph, 'ReduceSum', isIn, [-1], true)
  const inside = binary(graph, 'Mul', sums, isIn)
  const sum = reduce(graph, 'ReduceSum', inside, [-1], true)
  const tau = binary(graph, 'Div', binary(graph, 'Sub', sum, scalar(graph, 1)), count)
  return unary(graph, 'Relu', binary(graph, 'Sub', x, tau))
}

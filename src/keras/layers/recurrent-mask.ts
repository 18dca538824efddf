import type { GraphBuilder } from '../graph/builder.ts'
import { int, type Value } from '../graph/ir.ts'
import { binary, cast, elementwise, scalar } from '../graph/ops/elementwise.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { expandDims, sizeOf } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'

/** A sequence whose steps that count come first, in their order. */
export interface Compaction {
  readonly sequence: Tensor
  /** How many steps count, of each sequence: int32[batch]. */
  readonly lengths: Value
  /**
   * The outputs in the places of the steps. A step that does not count repeats the output before
   * it, or is zero where `zeros` asks for it; before the first one there are zeros.
   */
  spread(outputs: Tensor, zeros: boolean): Tensor
}

/**
 * Keras skips the steps that are masked: the state stays as it was. That is the recurrence over
 * what is left, which ONNX can be told the length of.
 */
export function compacted(graph: GraphBuilder, x: Tensor): Compaction {
  if (x.mask === undefined) throw new TypeError('a sequence without a mask')
  const counts = cast(graph, x.mask, 'float32')
  const value = counts.value(graph)
  const running = new Tensor(
    graph.op('CumSum', [value, graph.scalar(1, 'int64')], {
      dtype: 'float32',
      shape: counts.shape,
    }),
  )
  const total = reduce(graph, 'ReduceSum', counts, [1], false)
  const order = orderOf(graph, counts, running)
  return {
    sequence: taken(graph, x, order),
    lengths: cast(graph, total, 'int32').value(graph),
    spread(outputs, zeros) {
      const last = binary(graph, 'Sub', running, scalar(graph, 1))
      const index = cast(graph, binary(graph, 'Max', last, scalar(graph, 0)), 'int64')
      const spread = taken(graph, outputs, index)
      const counted = zeros ? counts : binary(graph, 'Min', running, scalar(graph, 1))
      return elementwise(graph, 'Mul', [spread, expandDims(graph, counted, [2])])
    },
  }
}

/** The steps that count in front: each is ordered by how many count from it to the end. */
function orderOf(graph: GraphBuilder, counts: Tensor, running: Tensor): Tensor {
  const total = reduce(graph, 'ReduceSum', counts, [1], true)
  const left = binary(graph, 'Sub', binary(graph, 'Add', total, scalar(graph, 1)), running)
  const key = binary(graph, 'Mul', left, counts)
  const value = key.value(graph)
  const outputs = [
    { dtype: 'float32' as const, shape: key.shape },
    { dtype: 'int64' as const, shape: key.shape },
  ]
  const [, order] = graph.ops('TopK', [value, sizeOf(graph, value, 1)], outputs, { axis: int(1) })
  if (order === undefined) throw new TypeError('TopK without indices')
  return new Tensor(order)
}

/** `x[b, index[b, t], …]` */
function taken(graph: GraphBuilder, x: Tensor, index: Tensor): Tensor {
  const indices = expandDims(graph, index, [2]).value(graph)
  const shape = [x.shape[0] ?? null, index.shape[1] ?? null, x.shape[2] ?? null]
  const inputs = [x.value(graph), indices]
  return new Tensor(graph.op('GatherND', inputs, { dtype: x.dtype, shape }, { batch_dims: int(1) }))
}

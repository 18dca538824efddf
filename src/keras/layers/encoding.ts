import { int } from '../graph/ir.ts'
import { binary, cast } from '../graph/ops/elementwise.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { expandDims, squeeze } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'
import { one, oneFloat } from './inputs.ts'
import type { LayerCall, LayerKinds } from './layer-kind.ts'

export const ENCODINGS: LayerKinds = {
  CategoryEncoding: { lower: categories },
  Discretization: { lower: discretized },
}

/** Which of the categories occur: one for each number, or all of a row together. */
function categories(call: LayerCall): Tensor {
  const { graph, config } = call
  const depth = config.integer('num_tokens')
  const mode = config.oneOf('output_mode', ['one_hot', 'multi_hot', 'count'], 'multi_hot')
  if (call.inputs.length > 1 || call.kwargs.get('count_weights') instanceof Tensor) {
    throw config.unsupported('count_weights')
  }
  const given = cast(graph, one(call), 'int64')
  const isSingle = mode === 'one_hot' && given.shape.at(-1) === 1
  const x = isSingle ? squeeze(graph, given, [-1]) : given
  const inputs = [x.value(graph), graph.scalar(depth, 'int64'), graph.floats([0, 1], [2])]
  const output = { dtype: 'float32' as const, shape: [...x.shape, depth] }
  const hot = new Tensor(graph.op('OneHot', inputs, output, { axis: int(-1) }))
  if (mode === 'one_hot') return hot
  const rows = x.rank === 1 ? expandDims(graph, hot, [1]) : hot
  return reduce(graph, mode === 'count' ? 'ReduceSum' : 'ReduceMax', rows, [-2], false)
}

/** How many of the boundaries a number has reached. */
function discretized(call: LayerCall): Tensor {
  const { graph, config } = call
  config.oneOf('output_mode', ['int'], 'int')
  const x = oneFloat(call)
  const boundaries = config.floats('bin_boundaries').toSorted((a, b) => a - b)
  const steps = new Tensor(graph.floats(boundaries, [boundaries.length]))
  const reached = binary(graph, 'GreaterOrEqual', expandDims(graph, x, [x.rank]), steps, 'bool')
  const count = reduce(graph, 'ReduceSum', cast(graph, reached, 'float32'), [-1], false)
  return cast(graph, count, call.kerasMajor < 3 ? 'int64' : 'int32')
}

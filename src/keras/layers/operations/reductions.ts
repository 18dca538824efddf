import { int } from '../../graph/ir.ts'
import { binary, normalAxis, unary } from '../../graph/ops/elementwise.ts'
import { reduce, type Reduction } from '../../graph/ops/reduce.ts'
import { reshape } from '../../graph/ops/shape.ts'
import { Tensor } from '../../graph/tensor.ts'
import { unitNormalized } from '../normalization.ts'
import type { Arguments, Operation, Operations } from './arguments.ts'
import { first, firstFloat } from './elementwise.ts'

function axesOf(given: Arguments): readonly number[] | undefined {
  return given.integers(1, ['axis', 'dim'])
}

function keepdims(given: Arguments): boolean {
  return given.flag(['keepdims', 'keep_dims'], false)
}

function over(op: Reduction): Operation {
  return (given) => reduce(given.graph, op, first(given), axesOf(given), keepdims(given))
}

function overFloats(op: Reduction): Operation {
  return (given) => reduce(given.graph, op, firstFloat(given), axesOf(given), keepdims(given))
}

function variance(given: Arguments): Tensor {
  const { graph } = given
  const x = firstFloat(given)
  const axes = axesOf(given)
  const centered = binary(graph, 'Sub', x, reduce(graph, 'ReduceMean', x, axes, true))
  const squares = binary(graph, 'Mul', centered, centered)
  return reduce(graph, 'ReduceMean', squares, axes, keepdims(given))
}

function argument(op: 'ArgMax' | 'ArgMin'): Operation {
  return (given) => {
    const { graph } = given
    const all = first(given)
    const stated = given.integers(1, ['axis', 'dimension', 'dim'])?.[0]
    const isTf = given.call.layer.className === 'TFOpLambda'
    // Without an axis numpy counts through all elements, TensorFlow along the first axis.
    const x = stated === undefined && !isTf ? reshape(graph, all, ['rest']) : all
    const axis = normalAxis(stated ?? 0, x.rank)
    const keep = keepdims(given)
    const shape = keep ? x.shape.with(axis, 1) : x.shape.filter((_, at) => at !== axis)
    const attributes = { axis: int(axis), keepdims: int(keep ? 1 : 0) }
    const found = graph.op(op, [x.value(graph)], { dtype: 'int64', shape }, attributes)
    const to = isTf ? 'int64' : 'int32'
    if (to === 'int64') return new Tensor(found)
    return new Tensor(graph.op('Cast', [found], { dtype: to, shape }, { to: int(6) }))
  }
}

function norm(given: Arguments): Tensor {
  const order = given.value(undefined, 'ord')
  if (order !== null && order !== 2 && order !== 'euclidean' && order !== 'fro') {
    throw given.unsupported(`the norm ${JSON.stringify(order)}`)
  }
  const axes = given.integers(undefined, 'axis')
  return reduce(given.graph, 'ReduceL2', firstFloat(given), axes, keepdims(given))
}

function normalized(given: Arguments): Tensor {
  const axes = given.integers(1, ['axis', 'dim']) ?? [-1]
  if (given.float(undefined, 'order', 2) !== 2) throw given.unsupported('an order other than 2')
  return unitNormalized(given.graph, firstFloat(given), axes, given.float(2, 'epsilon', 1e-12))
}

export const REDUCTIONS: Operations = {
  amax: over('ReduceMax'),
  amin: over('ReduceMin'),
  argmax: argument('ArgMax'),
  argmin: argument('ArgMin'),
  l2_normalize: normalized,
  logsumexp: overFloats('ReduceLogSumExp'),
  max: over('ReduceMax'),
  mean: overFloats('ReduceMean'),
  min: over('ReduceMin'),
  norm,
  normalize: normalized,
  prod: over('ReduceProd'),
  std: (given) => unary(given.graph, 'Sqrt', variance(given)),
  sum: over('ReduceSum'),
  var: variance,
  variance,
}

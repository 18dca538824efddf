import { int } from '../../graph/ir.ts'
import { binary, cast, normalAxis, scalar, toFloat } from '../../graph/ops/elementwise.ts'
import { transpose } from '../../graph/ops/shape.ts'
import { Tensor } from '../../graph/tensor.ts'
import { einsum, matmul } from '../einsum.ts'
import { attention } from '../dot-product.ts'
import type { Arguments, Operations } from './arguments.ts'
import { dtypeOf } from './dtypes.ts'
import { first, firstFloat } from './elementwise.ts'

/** 1 where the index is the place along a new axis, and 0 elsewhere. */
function oneHot(given: Arguments): Tensor {
  const { graph } = given
  const depth = given.integer(1, ['num_classes', 'depth'])
  const x = cast(graph, given.tensor(0, ['x', 'indices'], 'int64'), 'int64')
  const dtype = dtypeOf(given.text(undefined, 'dtype', 'float32'))?.dtype ?? 'float32'
  const axis = given.integer(undefined, 'axis', -1)
  if (axis !== -1 && axis !== x.rank) throw given.unsupported('an axis other than the last')
  const values = graph.floats([0, 1], [2])
  const shape = [...x.shape, depth]
  const inputs = [x.value(graph), graph.scalar(depth, 'int64'), values]
  const hot = graph.op('OneHot', inputs, { dtype: 'float32', shape }, { axis: int(-1) })
  return cast(graph, new Tensor(hot), dtype)
}

function cumulativeSum(given: Arguments): Tensor {
  const { graph } = given
  const x = first(given)
  const axis = normalAxis(given.integer(1, 'axis', 0), x.rank)
  const inputs = [x.value(graph), graph.scalar(axis, 'int64')]
  const attributes = {
    exclusive: int(given.flag('exclusive', false) ? 1 : 0),
    reverse: int(given.flag('reverse', false) ? 1 : 0),
  }
  return new Tensor(graph.op('CumSum', inputs, { dtype: x.dtype, shape: x.shape }, attributes))
}

function topK(given: Arguments): Tensor[] {
  const { graph } = given
  const x = firstFloat(given)
  const k = given.integer(1, 'k', 1)
  const shape = [...x.shape.slice(0, -1), k]
  const inputs = [x.value(graph), graph.integers([k])]
  const outputs = [
    { dtype: x.dtype, shape },
    { dtype: 'int64' as const, shape },
  ]
  const [values, indices] = graph.ops('TopK', inputs, outputs, { axis: int(-1) })
  if (values === undefined || indices === undefined) throw given.unsupported('no outputs')
  return [new Tensor(values), cast(graph, new Tensor(indices), 'int32')]
}

function triangle(upper: boolean) {
  return (given: Arguments): Tensor => {
    const { graph } = given
    const x = first(given)
    const inputs = [x.value(graph), graph.scalar(given.integer(1, 'k', 0), 'int64')]
    const attributes = { upper: int(upper ? 1 : 0) }
    return new Tensor(graph.op('Trilu', inputs, { dtype: x.dtype, shape: x.shape }, attributes))
  }
}

function product(given: Arguments): Tensor {
  const { graph } = given
  const [a, b] = given.pair(['x', 'x1', 'a'], ['y', 'x2', 'b'])
  const flip = (x: Tensor, name: string) => {
    if (!given.flag(name, false)) return x
    const axes = x.shape.map((_, at) => at)
    return transpose(graph, x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2])
  }
  return matmul(
    graph,
    flip(toFloat(graph, a), 'transpose_a'),
    flip(toFloat(graph, b), 'transpose_b'),
  )
}

/** Keras 3 keeps the equation as `subscripts`, and its operands as arguments. */
function einsumOf(given: Arguments): Tensor {
  const equation = given.text(undefined, ['subscripts', 'equation'], '')
  const [subscripts, operands] =
    equation === ''
      ? [given.text(0, 'equation', ''), given.call.args.slice(1)]
      : [equation, given.call.args]
  const tensors = operands.flat().filter((one) => one instanceof Tensor)
  return einsum(given.graph, subscripts, tensors)
}

/** ITU-R BT.601: 0.2989 R + 0.587 G + 0.114 B. */
function grayscale(given: Arguments): Tensor {
  const { graph } = given
  const x = firstFloat(given)
  const weights = new Tensor(graph.floats([0.2989, 0.587, 0.114], [3, 1]))
  return matmul(graph, x, weights)
}

function dotProductAttention(given: Arguments): Tensor {
  const [query, key, value] = ['query', 'key', 'value'].map((name, at) =>
    toFloat(given.graph, given.tensor(at, name)),
  )
  if (!query || !key || !value) throw given.unsupported('fewer than three tensors')
  if (given.value(3, 'bias') !== null || given.value(4, 'mask') !== null) {
    throw given.unsupported('a bias or a mask')
  }
  if (given.flag('is_causal', false)) throw given.unsupported('a causal mask')
  const { graph } = given
  const depth = query.shape.at(-1)
  const scale = given.float(undefined, 'scale', 1 / Math.sqrt(Number(depth)))
  const scaled = binary(graph, 'Mul', query, scalar(graph, scale))
  return attention(graph, { query: scaled, key, value }).output
}

export const SELECTION: Operations = {
  cumsum: cumulativeSum,
  dot_product_attention: dotProductAttention,
  einsum: einsumOf,
  matmul: product,
  one_hot: oneHot,
  rgb_to_grayscale: grayscale,
  top_k: topK,
  tril: triangle(false),
  triu: triangle(true),
}

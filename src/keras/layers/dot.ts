import { unloadable } from '../failure.ts'
import { binary, normalAxis, scalar, toFloat, unary } from '../graph/ops/elementwise.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { expandDims, squeeze, transpose } from '../graph/ops/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import { matmul } from './einsum.ts'
import type { LayerCall, LayerKinds } from './layer-kind.ts'

export const DOT: LayerKinds = { Dot: { lower: dot } }

/** The products along one axis of each, in each batch. */
function dot({ graph, inputs, config }: LayerCall): Tensor {
  const [a, b] = inputs.map((x) => toFloat(graph, x))
  if (a === undefined || b === undefined) throw unloadable('it takes two tensors')
  const stated = config.integers('axes')
  const [first = -1, second = first] = stated
  const axes = [normalAxis(first, a.rank), normalAxis(second, b.rank)] as const
  if (a.rank > 3 || b.rank > 3) throw config.unsupported('more than three dimensions')
  const unit = (x: Tensor, axis: number) => {
    if (!config.boolean('normalize', false)) return x
    const squares = reduce(graph, 'ReduceSumSquare', x, [axis], true)
    const length = unary(graph, 'Sqrt', binary(graph, 'Max', squares, scalar(graph, 1e-12)))
    return binary(graph, 'Div', x, length)
  }
  const x = unit(a, axes[0])
  const y = unit(b, axes[1])
  // [batch, rows, shared] · [batch, shared, columns]
  const left = x.rank === 2 ? expandDims(graph, x, [1]) : axes[0] === 2 ? x : flip(x)
  const right = y.rank === 2 ? expandDims(graph, y, [2]) : axes[1] === 1 ? y : flip(y)
  const product = matmul(graph, left, right)
  if (x.rank === 2 && y.rank === 2) return squeeze(graph, product, [2])
  if (x.rank === 2) return squeeze(graph, product, [1])
  return y.rank === 2 ? squeeze(graph, product, [2]) : product

  function flip(tensor: Tensor): Tensor {
    return transpose(graph, tensor, [0, 2, 1])
  }
}

import { binary, cast, scalar } from '../graph/ops/elementwise.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { expandDims, reshape, type Size, squeeze, tile, transpose } from '../graph/ops/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import { unloadable } from '../failure.ts'
import { one, oneFloat } from './inputs.ts'
import type { LayerCall, LayerKind, LayerKinds } from './layer-kind.ts'

const identity: LayerKind = { lower: (call) => one(call) }

/** What acts while a model is trained and does nothing when it is used. */
const TRAINING_ONLY = [
  'ActivityRegularization',
  'AlphaDropout',
  'Dropout',
  'GaussianDropout',
  'GaussianNoise',
  'SpatialDropout1D',
  'SpatialDropout2D',
  'SpatialDropout3D',
]

export const CORE: LayerKinds = {
  ...Object.fromEntries(TRAINING_ONLY.map((name) => [name, identity])),
  Identity: identity,
  Masking: { lower: masking },
  Flatten: { lower: flatten },
  Reshape: { lower: reshapeLayer },
  Permute: { lower: permute },
  RepeatVector: {
    lower: (call) => {
      const count = call.config.integer('n')
      return tile(call.graph, expandDims(call.graph, one(call), [1]), [1, count, 1])
    },
  },
}

/** Steps in which nothing differs from the mask's value do not count, and are zero. */
function masking(call: LayerCall): Tensor {
  const { graph, config } = call
  const x = oneFloat(call)
  const value = scalar(graph, config.float('mask_value', 0))
  const isSame = cast(graph, binary(graph, 'Equal', x, value, 'bool'), 'float32')
  const least = reduce(graph, 'ReduceMin', isSame, [-1], true)
  const counts = binary(graph, 'Sub', scalar(graph, 1), least)
  const mask = cast(graph, squeeze(graph, counts, [-1]), 'bool')
  return binary(graph, 'Mul', x, counts).masked(mask)
}

function flatten(call: LayerCall): Tensor {
  const { graph, config } = call
  let x = one(call)
  // Channels in front are flattened as if they were behind.
  if (config.dataFormat === 'channels_first' && x.rank > 2) {
    const axes = x.shape.map((_, axis) => axis)
    x = transpose(graph, x, [0, ...axes.slice(2), 1])
  }
  if (x.rank === 1) return expandDims(graph, x, [1])
  if (x.rank === 2) return x.masked(undefined)
  return reshape(graph, x, [{ axis: 0 }, 'rest'])
}

function reshapeLayer(call: LayerCall): Tensor {
  const sizes = call.config.integers('target_shape').map((size): Size => {
    if (size < -1) throw call.config.wrong('target_shape', 'sizes')
    return size === -1 ? 'rest' : size
  })
  if (sizes.filter((size) => size === 'rest').length > 1) {
    throw call.config.wrong('target_shape', 'sizes of which at most one is open')
  }
  return reshape(call.graph, one(call), [{ axis: 0 }, ...sizes])
}

function permute(call: LayerCall): Tensor {
  const x = one(call)
  const permutation = [0, ...call.config.integers('dims')]
  const isPermutation = new Set(permutation).size === x.rank && Math.max(...permutation) < x.rank
  if (!isPermutation || permutation.length !== x.rank) {
    throw unloadable(`Permute ${call.layer.name}: its dims are no order of the axes`)
  }
  return transpose(call.graph, x, permutation)
}

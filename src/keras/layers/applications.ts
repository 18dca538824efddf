import { binary, scalar } from '../graph/ops/elementwise.ts'
import { Tensor } from '../graph/tensor.ts'
import { unloadable } from '../failure.ts'
import { one, oneFloat } from './inputs.ts'
import type { LayerKinds } from './layer-kind.ts'
import { own } from './weight-slot.ts'

/** Layers that keras.applications defines for its own networks. */
const KINDS: LayerKinds = {
  /** ConvNeXt: each channel times its own factor. */
  LayerScale: {
    weights: () => own('gamma'),
    lower: (call) => {
      const gamma = call.weight('gamma', [call.config.integer('projection_dim')])
      const factors = call.graph.weights('gamma', gamma.shape, () => gamma.read())
      return binary(call.graph, 'Mul', oneFloat(call), new Tensor(factors))
    },
  },
  /** ConvNeXt: drops paths while it is trained. */
  StochasticDepth: { lower: (call) => one(call) },
  /** InceptionResNetV2: x + scale × y. */
  CustomScaleLayer: {
    lower: ({ graph, inputs: [x, y], config, layer }) => {
      if (x === undefined || y === undefined) throw unloadable(`${layer.name} takes two tensors`)
      return binary(graph, 'Add', x, binary(graph, 'Mul', y, scalar(graph, config.float('scale'))))
    },
  },
}

/** tf_keras saves them as if they were somebody's own. */
export const APPLICATIONS: LayerKinds = {
  ...KINDS,
  ...Object.fromEntries(Object.entries(KINDS).map(([name, kind]) => [`Custom>${name}`, kind])),
}

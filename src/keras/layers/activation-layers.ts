import { binary, elementwise, scalar, softmax, unary } from '../graph/ops/elementwise.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { Tensor } from '../graph/tensor.ts'
import { activate, elu, leakyRelu, relu, slopeOf } from './activations.ts'
import { one } from './inputs.ts'
import type { LayerCall, LayerKinds } from './layer-kind.ts'
import { own } from './weight-slot.ts'

export const ACTIVATION_LAYERS: LayerKinds = {
  Activation: {
    lower: (call) => activateBy(call, one(call)),
  },
  ReLU: { lower: (call) => relu(call.graph, one(call), call.config) },
  LeakyReLU: { lower: (call) => leakyRelu(call.graph, one(call), slopeOf(call.config)) },
  ELU: { lower: (call) => elu(call.graph, one(call), call.config.float('alpha', 1)) },
  PReLU: { weights: () => own('alpha'), lower: prelu },
  ThresholdedReLU: { lower: thresholded },
  Softmax: { lower: softmaxLayer },
}

/** The activation that the layer's option names. */
export function activateBy(call: LayerCall, x: Tensor, option = 'activation'): Tensor {
  const { graph, kerasMajor, layer, config } = call
  return activate(graph, x, config.get(option), { layer: layer.name, kerasMajor })
}

/** `slope` is per element of the input without its batch, 1 along the shared axes. */
function prelu(call: LayerCall): Tensor {
  const { graph, config } = call
  const x = one(call)
  const shared = config.has('shared_axes') ? config.integers('shared_axes') : []
  const shape = x.shape.slice(1).map((size, at) => (shared.includes(at + 1) ? 1 : size))
  const alpha = call.weight('alpha', shape)
  const slope = new Tensor(graph.weights('alpha', [1, ...alpha.shape], () => alpha.read()))
  return binary(graph, 'PRelu', x, slope)
}

function thresholded(call: LayerCall): Tensor {
  const { graph, config } = call
  const x = one(call)
  const above = binary(graph, 'Greater', x, scalar(graph, config.float('theta', 1)), 'bool')
  return elementwise(graph, 'Where', [above, x, scalar(graph, 0)])
}

function softmaxLayer(call: LayerCall): Tensor {
  const { graph, config } = call
  const x = one(call)
  const axes = config.integers('axis', undefined, -1)
  if (call.args.length > 1 || call.kwargs.get('mask') instanceof Tensor) {
    throw config.unsupported('a mask is not supported')
  }
  if (axes.length === 1) return softmax(graph, x, axes[0] ?? -1)
  // exp(x − log Σ exp x), which cannot overflow.
  const total = reduce(graph, 'ReduceLogSumExp', x, axes, true)
  return unary(graph, 'Exp', binary(graph, 'Sub', x, total))
}

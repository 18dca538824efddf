import type { LayerConfig } from '../config/layer-config.ts'
import { float } from '../graph/ir.ts'
import { binary, normalAxis } from '../graph/ops/elementwise.ts'
import { axisIn, Tensor } from '../graph/tensor.ts'
import { oneFloat } from './inputs.ts'
import type { LayerCall, LayerKinds } from './layer-kind.ts'
import { own, withState } from './weight-slot.ts'

const KIND = {
  weights: ({ config }: { config: LayerConfig }) =>
    withState(
      own(config.boolean('scale', true) && 'gamma', config.boolean('center', true) && 'beta'),
      'moving_mean',
      'moving_variance',
    ),
  lower: batchNormalization,
}

export const BATCH_NORMALIZATION: LayerKinds = {
  BatchNormalization: KIND,
  BatchNormalizationV1: KIND,
  BatchNormalizationV2: KIND,
  SyncBatchNormalization: KIND,
}

/** y = γ (x − μ) / √(σ² + ε) + β with the statistics of training. */
function batchNormalization(call: LayerCall): Tensor {
  const { graph, config } = call
  const x = oneFloat(call)
  if (config.boolean('renorm', false)) throw config.unsupported('renorm')
  const [given = -1, ...others] = config.integers('axis', undefined, -1)
  if (others.length > 0) throw config.unsupported('more than one axis')
  const axis = normalAxis(given, x.rank)
  const size = x.shape[axis] ?? null
  const read = (key: string) => call.weight(key, [size]).read()
  const mean = read('moving_mean')
  const variance = read('moving_variance')
  const gamma = config.boolean('scale', true) ? read('gamma') : mean.map(() => 1)
  const beta = config.boolean('center', true) ? read('beta') : mean.map(() => 0)
  const epsilon = config.float('epsilon', 1e-3)
  // ONNX's operator takes the channels behind the batch.
  const layout = x.rank > 2 && axis === x.rank - 1 ? 'first' : 'last'
  if (axisIn(layout, axis, x.rank) === 1 && x.has(layout)) {
    const value = x.value(graph, layout)
    const parameters = [gamma, beta, mean, variance].map((one) => graph.floats(one, [one.length]))
    const output = { dtype: x.dtype, shape: value.shape }
    const attributes = { epsilon: float(epsilon) }
    const out = graph.op('BatchNormalization', [value, ...parameters], output, attributes)
    return new Tensor(out, layout, x.mask)
  }
  const scale = gamma.map((g, at) => g / Math.sqrt((variance[at] ?? 0) + epsilon))
  const offset = beta.map((b, at) => b - (mean[at] ?? 0) * (scale[at] ?? 0))
  const shape = x.shape.map((_, at) => (at === axis ? scale.length : 1))
  const constant = (values: Float32Array) => new Tensor(graph.floats(values, shape))
  return binary(graph, 'Add', binary(graph, 'Mul', x, constant(scale)), constant(offset))
}

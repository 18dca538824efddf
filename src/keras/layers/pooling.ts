import { type Dim, ints } from '../graph/ir.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { binary, cast } from '../graph/ops/elementwise.ts'
import { expandDims, reshape } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'
import { layoutOf } from './convolution.ts'
import { paddingAttributes, type Window, windowedSizes } from './convolution-geometry.ts'
import { oneFloat } from './inputs.ts'
import type { LayerCall, LayerKind, LayerKinds } from './layer-kind.ts'

export const POOLINGS: LayerKinds = {
  ...family('MaxPooling', 'MaxPool', pooling),
  ...family('AveragePooling', 'AveragePool', pooling),
  ...family('GlobalMaxPooling', 'GlobalMaxPool', globalPooling),
  ...family('GlobalAveragePooling', 'GlobalAveragePool', globalPooling),
}

function family(
  name: string,
  op: string,
  kind: (op: string, dimensions: number) => LayerKind,
): LayerKinds {
  return Object.fromEntries([1, 2, 3].map((n) => [`${name}${n}D`, kind(op, n)]))
}

function pooling(op: string, dimensions: number): LayerKind {
  return {
    lower(call) {
      const { config } = call
      const x = oneFloat(call, dimensions + 2)
      const size = config.integers('pool_size', dimensions, 2)
      const strides = config.has('strides') ? config.integers('strides', dimensions) : size
      const padding = config.oneOf('padding', ['valid', 'same'], 'valid')
      if ([...size, ...strides].some((one) => one < 1)) {
        throw config.wrong('pool_size', 'sizes of at least 1')
      }
      return pool(call, op, x, { size, strides, dilation: size.map(() => 1), padding })
    },
  }
}

/** What lies beyond the border counts for neither the maximum nor the average, as in TensorFlow. */
export function pool(call: LayerCall, op: string, x: Tensor, window: Window): Tensor {
  const { graph } = call
  const layout = layoutOf(call)
  const value = x.value(graph, layout)
  const [batch = null, channels = null, ...sizes] = value.shape
  const shape: Dim[] = [batch, channels, ...windowedSizes(sizes, window)]
  const attributes = {
    kernel_shape: ints(window.size),
    strides: ints(window.strides),
    ...paddingAttributes(sizes, window),
  }
  return new Tensor(graph.op(op, [value], { dtype: 'float32', shape }, attributes), layout)
}

function globalPooling(op: string, dimensions: number): LayerKind {
  return {
    lower(call) {
      const { graph, config } = call
      const x = oneFloat(call, dimensions + 2)
      const keepdims = config.boolean('keepdims', false)
      if (op === 'GlobalAveragePool' && x.mask !== undefined) return maskedMean(call, x, keepdims)
      const layout = layoutOf(call)
      if (!x.has(layout)) return reduced(call, op, x, keepdims)
      const value = x.value(graph, layout)
      const [batch = null, channels = null] = value.shape
      const shape = [batch, channels, ...Array.from({ length: dimensions }, () => 1)]
      const pooled = new Tensor(graph.op(op, [value], { dtype: 'float32', shape }), layout)
      if (keepdims) return pooled
      // The value as it lies, without the sizes of 1 behind the channels.
      return reshape(graph, new Tensor(pooled.value(graph, layout)), [
        { axis: 0 },
        channels ?? 'rest',
      ])
    },
  }
}

function reduced(call: LayerCall, op: string, x: Tensor, keepdims: boolean): Tensor {
  const { graph, config } = call
  const first = config.dataFormat === 'channels_last' ? 1 : 2
  const axes = x.shape.slice(2).map((_, at) => first + at)
  return reduce(graph, op === 'GlobalMaxPool' ? 'ReduceMax' : 'ReduceMean', x, axes, keepdims)
}

/** The mean over the time steps that count. */
function maskedMean({ graph, config }: LayerCall, x: Tensor, keepdims: boolean): Tensor {
  if (x.mask === undefined || config.dataFormat !== 'channels_last') {
    throw config.unsupported('a mask is not supported here')
  }
  const weights = expandDims(graph, cast(graph, x.mask, 'float32'), [2])
  const sum = reduce(graph, 'ReduceSum', binary(graph, 'Mul', x, weights), [1], keepdims)
  const count = reduce(graph, 'ReduceSum', weights, [1], keepdims)
  return binary(graph, 'Div', sum.masked(undefined), count)
}

import { unloadable } from '../failure.ts'
import { transposed } from '../graph/constants.ts'
import { type Dim, int, ints, type Value } from '../graph/ir.ts'
import { type Layout, Tensor } from '../graph/tensor.ts'
import type { StoredTensor } from '../read/stored-tensor.ts'
import { activateBy } from './activation-layers.ts'
import {
  paddingAttributes,
  transposedGeometry,
  type Window,
  windowedSizes,
} from './convolution-geometry.ts'
import { oneFloat } from './inputs.ts'
import type { LayerCall, LayerKind, LayerKinds } from './layer-kind.ts'
import { hasBias, own } from './weight-slot.ts'

export const CONVOLUTIONS: LayerKinds = {
  ...perDimension('Conv', [1, 2, 3], plain),
  // What it was called in Keras 1 and is still called in some files.
  Convolution2D: plain(2),
  ...perDimension('Depthwise', [1, 2], depthwise, 'Conv'),
  ...perDimension('Separable', [1, 2], separable, 'Conv'),
  Conv1DTranspose: transpose(1),
  Conv2DTranspose: transpose(2),
  Conv3DTranspose: transpose(3),
}

function perDimension(
  prefix: string,
  dimensions: readonly number[],
  kind: (dimensions: number) => LayerKind,
  suffix = '',
): LayerKinds {
  return Object.fromEntries(dimensions.map((n) => [`${prefix}${suffix}${n}D`, kind(n)]))
}

function plain(dimensions: number): LayerKind {
  return {
    weights: ({ config }) => own('kernel', hasBias(config) && 'bias'),
    lower(call) {
      const { config } = call
      const x = oneFloat(call, dimensions + 2)
      const filters = config.integer('filters')
      const groups = config.integer('groups', 1)
      const channels = channelsOf(call, x)
      const window = windowOf(call, dimensions)
      const kernel = call.weight('kernel', [...window.size, channels / groups, filters])
      const weights = rearranged(call, kernel, 'kernel', [filters, channels / groups], window)
      const out = convolve(call, x, weights, { window, groups, bias: biasOf(call, filters) })
      return activateBy(call, out)
    },
  }
}

function depthwise(dimensions: number): LayerKind {
  return {
    weights: ({ config }) => own('kernel', hasBias(config) && 'bias'),
    lower(call) {
      const x = oneFloat(call, dimensions + 2)
      const window = windowOf(call, dimensions)
      const kernel = depthwiseKernel(call, 'kernel', channelsOf(call, x), window)
      const bias = biasOf(call, kernel.shape[0] ?? 0)
      const groups = channelsOf(call, x)
      return activateBy(call, convolve(call, x, kernel, { window, groups, bias }))
    },
  }
}

function separable(dimensions: number): LayerKind {
  return {
    weights: ({ config }) => own('depthwise_kernel', 'pointwise_kernel', hasBias(config) && 'bias'),
    lower(call) {
      const x = oneFloat(call, dimensions + 2)
      const window = windowOf(call, dimensions)
      const filters = call.config.integer('filters')
      const groups = channelsOf(call, x)
      const kernel = depthwiseKernel(call, 'depthwise_kernel', groups, window)
      const spread = convolve(call, x, kernel, { window, groups })
      const middle = kernel.shape[0] ?? null
      const point = pointwise(dimensions)
      const stored = call.weight('pointwise_kernel', [...point.size, middle, filters])
      const mixing = rearranged(call, stored, 'pointwise_kernel', [filters, Number(middle)], point)
      const bias = biasOf(call, filters)
      return activateBy(call, convolve(call, spread, mixing, { window: point, groups: 1, bias }))
    },
  }
}

function pointwise(dimensions: number): Window {
  const ones = Array.from({ length: dimensions }, () => 1)
  return { size: ones, strides: ones, dilation: ones, padding: 'valid' }
}

function transpose(dimensions: number): LayerKind {
  return {
    weights: ({ config }) => own('kernel', hasBias(config) && 'bias'),
    lower(call) {
      const { config, graph } = call
      const x = oneFloat(call, dimensions + 2)
      const filters = config.integer('filters')
      const channels = channelsOf(call, x)
      const window = windowOf(call, dimensions)
      if (window.padding === 'causal') throw config.unsupported('causal padding')
      const kernel = call.weight('kernel', [...window.size, filters, channels])
      const weights = rearranged(call, kernel, 'kernel', [channels, filters], window)
      const layout = layoutOf(call)
      const value = x.value(graph, layout)
      const extra = config.has('output_padding')
        ? config.integers('output_padding', dimensions)
        : window.size.map(() => null)
      const geometry = transposedGeometry(value.shape.slice(2), window, extra)
      const shape = [value.shape[0] ?? null, filters, ...geometry.sizes]
      const attributes = {
        kernel_shape: ints(window.size),
        strides: ints(window.strides),
        dilations: ints(window.dilation),
        pads: ints(geometry.pads),
        output_padding: ints(geometry.outputPadding),
      }
      const inputs = [value, weights, biasOf(call, filters)]
      const out = graph.op('ConvTranspose', inputs, { dtype: 'float32', shape }, attributes)
      return activateBy(call, new Tensor(out, layout))
    },
  }
}

/** ONNX wants the channels behind the batch; a layer that keeps them there has them in place. */
export function layoutOf({ config }: LayerCall): Layout {
  return config.dataFormat === 'channels_last' ? 'first' : 'last'
}

export function channelsOf(call: LayerCall, x: Tensor): number {
  const channels = call.config.dataFormat === 'channels_last' ? x.shape.at(-1) : x.shape[1]
  if (typeof channels === 'number') return channels
  const { className, name } = call.layer
  throw unloadable(`${className} ${name}: the number of channels is open`)
}

/** The options of a layer that slides a kernel over its input. */
export function windowOf({ config }: LayerCall, dimensions: number): Window {
  const window: Window = {
    size: config.integers('kernel_size', dimensions),
    strides: config.integers('strides', dimensions, 1),
    dilation: config.integers('dilation_rate', dimensions, 1),
    padding: config.oneOf('padding', ['valid', 'same', 'causal'], 'valid'),
  }
  for (const [name, values] of Object.entries(window)) {
    if (typeof values !== 'string' && values.some((value: number) => value < 1)) {
      throw config.wrong(name === 'size' ? 'kernel_size' : name, 'sizes of at least 1')
    }
  }
  return window
}

interface Convolution {
  readonly window: Window
  readonly groups: number
  readonly bias?: Value | undefined
}

export function convolve(
  call: LayerCall,
  x: Tensor,
  kernel: Value,
  { window, groups, bias }: Convolution,
): Tensor {
  const { graph } = call
  const layout = layoutOf(call)
  const value = x.value(graph, layout)
  const [batch = null, , ...sizes] = value.shape
  const shape: Dim[] = [batch, kernel.shape[0] ?? null, ...windowedSizes(sizes, window)]
  const attributes = {
    kernel_shape: ints(window.size),
    ...(window.strides.some((stride) => stride !== 1) ? { strides: ints(window.strides) } : {}),
    ...(window.dilation.some((rate) => rate !== 1) ? { dilations: ints(window.dilation) } : {}),
    ...paddingAttributes(sizes, window),
    ...(groups === 1 ? {} : { group: int(groups) }),
  }
  const inputs = bias === undefined ? [value, kernel] : [value, kernel, bias]
  const out = graph.op('Conv', inputs, { dtype: 'float32', shape }, attributes)
  return new Tensor(out, layout)
}

/** Keras keeps a kernel's two channel axes behind its sizes and swapped, ONNX in front. */
export function rearranged(
  call: LayerCall,
  stored: StoredTensor,
  name: string,
  channels: readonly [number, number],
  { size }: Window,
): Value {
  const rank = size.length + 2
  const permutation = [rank - 1, rank - 2, ...size.map((_, axis) => axis)]
  return call.graph.weights(name, [...channels, ...size], () =>
    transposed(stored.read(), stored.shape, permutation),
  )
}

/** Of each channel its own kernels: [channels × multiplier, 1, …sizes]. */
function depthwiseKernel(call: LayerCall, key: string, channels: number, { size }: Window): Value {
  const multiplier = call.config.integer('depth_multiplier', 1)
  const stored = call.weight(key, [...size, channels, multiplier])
  const permutation = [size.length, size.length + 1, ...size.map((_, axis) => axis)]
  return call.graph.weights(key, [channels * multiplier, 1, ...size], () =>
    transposed(stored.read(), stored.shape, permutation),
  )
}

function biasOf(call: LayerCall, filters: number): Value | undefined {
  if (!hasBias(call.config)) return undefined
  const bias = call.weight('bias', [filters])
  return call.graph.weights('bias', [filters], () => bias.read())
}

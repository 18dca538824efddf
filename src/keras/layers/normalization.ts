import { bounded } from '../failure.ts'
import type { GraphBuilder } from '../graph/builder.ts'
import { float, int } from '../graph/ir.ts'
import { affine, binary, normalAxis, scalar, unary } from '../graph/ops/elementwise.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { reshape, type Size } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'
import { oneFloat } from './inputs.ts'
import type { LayerCall, LayerKinds } from './layer-kind.ts'
import { own, withState } from './weight-slot.ts'

export const NORMALIZATIONS: LayerKinds = {
  LayerNormalization: {
    weights: ({ config }) =>
      own(
        config.boolean('scale', true) && 'gamma',
        config.boolean('center', true) && !config.boolean('rms_scaling', false) && 'beta',
      ),
    lower: layerNormalization,
  },
  RMSNormalization: { weights: () => own('scale'), lower: rmsNormalization },
  GroupNormalization: {
    weights: ({ config }) =>
      own(config.boolean('scale', true) && 'gamma', config.boolean('center', true) && 'beta'),
    lower: groupNormalization,
  },
  UnitNormalization: {
    lower: (call) =>
      unitNormalized(call.graph, oneFloat(call), call.config.integers('axis', undefined, -1)),
  },
  Normalization: {
    weights: ({ config }) => (config.has('mean') ? [] : withState([], 'mean', 'variance', 'count')),
    lower: normalization,
  },
}

function axesOf({ config }: LayerCall, rank: number): number[] {
  const axes = config.integers('axis', undefined, -1).map((axis) => normalAxis(axis, rank))
  return axes.sort((a, b) => a - b)
}

/** A variable with one element for each of some axes, shaped to go with the tensor. */
function alongAxes(call: LayerCall, x: Tensor, key: string, axes: readonly number[]): Tensor {
  const stored = call.weight(
    key,
    axes.map((axis) => x.shape[axis] ?? null),
  )
  const shape = x.shape.map((_, axis) => (axes.includes(axis) ? Number(x.shape[axis]) : 1))
  // In front of the first of its axes, broadcasting makes the ones.
  const kept = shape.slice(axes[0] ?? 0)
  return new Tensor(call.graph.weights(key, kept, () => stored.read()))
}

function layerNormalization(call: LayerCall): Tensor {
  const { graph, config } = call
  const x = oneFloat(call)
  const axes = axesOf(call, x.rank)
  const epsilon = config.float('epsilon', 1e-3)
  const isRms = config.boolean('rms_scaling', false)
  const isLast = axes.every((axis, at) => axis === x.rank - axes.length + at)
  const scale = config.boolean('scale', true) ? alongAxes(call, x, 'gamma', axes) : undefined
  const center =
    config.boolean('center', true) && !isRms ? alongAxes(call, x, 'beta', axes) : undefined
  if (isLast && !isRms) {
    const sizes = axes.map((axis) => Number(x.shape[axis]))
    const count = bounded(
      sizes.reduce((all, size) => all * size, 1),
      'a normalization',
    )
    const ones = () => new Float32Array(count).fill(1)
    const gamma = scale?.value(graph) ?? graph.weights('ones', sizes, ones)
    const inputs = [x.value(graph), gamma]
    if (center !== undefined) inputs.push(center.value(graph))
    const attributes = { axis: int(axes[0] ?? -1), epsilon: float(epsilon) }
    const output = { dtype: x.dtype, shape: x.shape }
    return new Tensor(graph.op('LayerNormalization', inputs, output, attributes), 'last', x.mask)
  }
  const { centered, deviation } = moments(graph, x, axes, epsilon)
  // With rms_scaling Keras divides by the deviation from the mean, and does not subtract the mean.
  const normal = binary(graph, 'Div', isRms ? x : centered, deviation)
  const scaled = scale === undefined ? normal : binary(graph, 'Mul', normal, scale)
  return center === undefined ? scaled : binary(graph, 'Add', scaled, center)
}

function moments(graph: GraphBuilder, x: Tensor, axes: readonly number[], epsilon: number) {
  const centered = binary(graph, 'Sub', x, reduce(graph, 'ReduceMean', x, axes, true))
  const squares = binary(graph, 'Mul', centered, centered)
  const variance = reduce(graph, 'ReduceMean', squares, axes, true)
  const deviation = unary(graph, 'Sqrt', binary(graph, 'Add', variance, scalar(graph, epsilon)))
  return { centered, deviation }
}

/** x · scale / √(mean(x²) + ε) */
function rmsNormalization(call: LayerCall): Tensor {
  const { graph, config } = call
  const x = oneFloat(call)
  const axes = axesOf(call, x.rank)
  const squares = reduce(graph, 'ReduceMean', binary(graph, 'Mul', x, x), axes, true)
  const epsilon = scalar(graph, config.float('epsilon', 1e-6))
  const root = unary(graph, 'Sqrt', binary(graph, 'Add', squares, epsilon))
  const normal = binary(graph, 'Div', x, root)
  return binary(graph, 'Mul', normal, alongAxes(call, x, 'scale', axes))
}

/** The channels in groups, each with a mean and a variance of its own. */
function groupNormalization(call: LayerCall): Tensor {
  const { graph, config } = call
  const x = oneFloat(call)
  const axis = normalAxis(config.integer('axis', -1), x.rank)
  const channels = x.shape[axis] ?? null
  if (channels === null) throw config.unsupported('an open number of channels')
  const stated = config.integer('groups', 32)
  const groups = stated === -1 ? channels : stated
  if (groups < 1 || channels % groups !== 0) {
    throw config.wrong('groups', `a divisor of ${channels}`)
  }
  const sizes: Size[] = x.shape.map((size, at) => size ?? { axis: at })
  const split = sizes.toSpliced(axis, 1, groups, channels / groups)
  const grouped = reshape(graph, x, split)
  const axes = grouped.shape.map((_, at) => at).filter((at) => at > 0 && at !== axis)
  const { centered, deviation } = moments(graph, grouped, axes, config.float('epsilon', 1e-3))
  const normal = binary(graph, 'Div', centered, deviation)
  const together = reshape(graph, normal, sizes)
  const scaled = config.boolean('scale', true)
    ? binary(graph, 'Mul', together, alongAxes(call, x, 'gamma', [axis]))
    : together
  return config.boolean('center', true)
    ? binary(graph, 'Add', scaled, alongAxes(call, x, 'beta', [axis]))
    : scaled
}

/** x / √max(Σx², ε) */
export function unitNormalized(
  graph: GraphBuilder,
  x: Tensor,
  axes: readonly number[],
  epsilon = 1e-12,
): Tensor {
  const sum = reduce(graph, 'ReduceSumSquare', x, axes, true)
  const bounded = binary(graph, 'Max', sum, scalar(graph, epsilon))
  return binary(graph, 'Div', x, unary(graph, 'Sqrt', bounded))
}

/** (x − mean) / max(√variance, ε), or back. */
function normalization(call: LayerCall): Tensor {
  const { graph, config } = call
  const x = oneFloat(call)
  const axes = config.has('axis') ? axesOf(call, x.rank) : []
  const isGiven = config.has('mean')
  const shape = axes.map((axis) => x.shape[axis] ?? null)
  const read = (key: string) => (isGiven ? config.floats(key) : [...call.weight(key, shape).read()])
  const deviation = read('variance').map((variance) => Math.max(Math.sqrt(variance), 1e-7))
  const mean = read('mean')
  const perChannel = axes.length === 0 || (axes.length === 1 && axes[0] === x.rank - 1)
  const isInverse = config.boolean('invert', false)
  if (perChannel) {
    const scale = deviation.map((one) => (isInverse ? one : 1 / one))
    const offset = mean.map((one, at) => (isInverse ? one : -one * (scale[at] ?? 1)))
    return affine(graph, x, scale, offset)
  }
  const constant = (values: number[]) => {
    const sizes = x.shape.map((size, axis) => (axes.includes(axis) ? Number(size) : 1))
    return new Tensor(graph.floats(values, values.length === 1 ? [] : sizes))
  }
  return isInverse
    ? binary(graph, 'Add', binary(graph, 'Mul', x, constant(deviation)), constant(mean))
    : binary(graph, 'Div', binary(graph, 'Sub', x, constant(mean)), constant(deviation))
}

import { reduce } from '../graph/ops/reduce.ts'
import { resample, windowMeans, windowsOf } from '../graph/ops/resample.ts'
import { concat, slice } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'
import { firstAxis } from './borders.ts'
import { layoutOf } from './convolution.ts'
import { oneFloat } from './inputs.ts'
import type { LayerCall, LayerKind, LayerKinds } from './layer-kind.ts'

/** Pooling to a given size, with windows that are as equal as they can be. */
export const ADAPTIVE_POOLINGS: LayerKinds = Object.fromEntries(
  [1, 2, 3].flatMap((dimensions): [string, LayerKind][] => [
    [`AdaptiveAveragePooling${dimensions}D`, { lower: (call) => average(call, dimensions) }],
    [`AdaptiveMaxPooling${dimensions}D`, { lower: (call) => maximum(call, dimensions) }],
  ]),
)

function sizesOf(call: LayerCall, x: Tensor, dimensions: number) {
  const wanted = call.config.integers('output_size', dimensions)
  if (wanted.some((size) => size < 1)) throw call.config.wrong('output_size', 'sizes')
  const first = firstAxis(call)
  return wanted.map((count, at) => {
    const size = x.shape[first + at] ?? null
    if (size === null) throw call.config.unsupported('an input of open size')
    return { axis: first + at, size, count }
  })
}

function average(call: LayerCall, dimensions: number): Tensor {
  const { graph } = call
  const x = oneFloat(call, dimensions + 2)
  const means = sizesOf(call, x, dimensions).map(({ size, count }) => windowMeans(size, count))
  const layout = layoutOf(call)
  return new Tensor(resample(graph, x.value(graph, layout), 2, means), layout)
}

function maximum(call: LayerCall, dimensions: number): Tensor {
  const { graph } = call
  const x = oneFloat(call, dimensions + 2)
  return sizesOf(call, x, dimensions).reduce((from, { axis, size, count }) => {
    const parts = windowsOf(size, count).map(({ start, stop }) =>
      reduce(graph, 'ReduceMax', slice(graph, from, [{ axis, start, stop }]), [axis], true),
    )
    return concat(graph, parts, axis)
  }, x)
}

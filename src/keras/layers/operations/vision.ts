import { toFloat } from '../../graph/ops/elementwise.ts'
import { type Interpolation, resizeTo } from '../../graph/ops/resize.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { layoutOf } from '../convolution.ts'
import { pool } from '../pooling.ts'
import type { Arguments, Operations } from './arguments.ts'
import { first } from './elementwise.ts'

const INTERPOLATIONS: readonly Interpolation[] = ['nearest', 'bilinear', 'bicubic']

function resized(given: Arguments): Tensor {
  const sizes = given.integers(1, 'size') ?? []
  const name = given.text(undefined, ['interpolation', 'method'], 'bilinear')
  const interpolation = INTERPOLATIONS.find((one) => one === name)
  if (interpolation === undefined) throw given.unsupported(`the interpolation ${name}`)
  const options = [
    'antialias',
    'preserve_aspect_ratio',
    'crop_to_aspect_ratio',
    'pad_to_aspect_ratio',
  ]
  for (const option of options) if (given.flag(option, false)) throw given.unsupported(option)
  const x = toFloat(given.graph, first(given))
  if (sizes.length !== 2 || x.rank !== 4) throw given.unsupported('other than a batch of images')
  return resizeTo(given.graph, x, sizes, interpolation, layoutOf(given.call))
}

function pooled(op: 'MaxPool' | 'AveragePool') {
  return (given: Arguments): Tensor => {
    const x = toFloat(given.graph, first(given))
    const dimensions = x.rank - 2
    const size = sizesOf(given, ['pool_size', 'ksize'], 1, dimensions)
    const stated = given.integers(2, 'strides')
    const strides = stated === undefined ? size : sizesOf(given, ['strides'], 2, dimensions)
    const padding = given.text(3, 'padding', 'valid').toLowerCase()
    if (padding !== 'valid' && padding !== 'same') throw given.unsupported(`padding ${padding}`)
    if (/NCHW/.test(given.text(undefined, 'data_format', ''))) throw given.unsupported('NCHW')
    return pool(given.call, op, x, { size, strides, dilation: size.map(() => 1), padding })
  }
}

/** One for all axes, one for each, or as TensorFlow has it with the batch and the channels. */
function sizesOf(given: Arguments, names: readonly string[], place: number, count: number) {
  const list = given.integers(place, names) ?? []
  if (list.length === count + 2) return list.slice(1, -1)
  if (list.length === count) return list
  if (list.length === 1) return Array.from({ length: count }, () => list[0] ?? 1)
  throw given.unsupported(`${names[0]} [${list.join()}]`)
}

export const VISION: Operations = {
  average_pool: pooled('AveragePool'),
  avg_pool: pooled('AveragePool'),
  avg_pool2d: pooled('AveragePool'),
  max_pool: pooled('MaxPool'),
  max_pool2d: pooled('MaxPool'),
  resize: resized,
}

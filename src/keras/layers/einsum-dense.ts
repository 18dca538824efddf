import { isList } from '../config/json.ts'
import { unloadable } from '../failure.ts'
import { binary } from '../graph/ops/elementwise.ts'
import { Tensor } from '../graph/tensor.ts'
import { activateBy } from './activation-layers.ts'
import { einsum } from './einsum.ts'
import { oneFloat } from './inputs.ts'
import type { LayerCall, LayerKinds } from './layer-kind.ts'
import { own } from './weight-slot.ts'

export const EINSUM_DENSE: LayerKinds = {
  EinsumDense: {
    weights: ({ config }) => own('kernel', config.has('bias_axes') && 'bias'),
    lower: einsumDense,
  },
}

function einsumDense(call: LayerCall): Tensor {
  const { graph, config } = call
  const x = oneFloat(call)
  const equation = config.string('equation').replaceAll(/\s/g, '')
  const [, kernelTerm = '', output = ''] = /^[^,]*,([^->]*)->(.*)$/.exec(equation) ?? []
  const stored = call.weight(
    'kernel',
    kernelTerm
      .replace('...', '')
      .split('')
      .map(() => null),
  )
  const kernel = new Tensor(graph.weights('kernel', stored.shape, () => stored.read()))
  const product = einsum(graph, equation, [x, kernel])
  if (!config.has('bias_axes')) return activateBy(call, product)
  const stated = config.get('output_shape')
  if (stated !== undefined && !isList(stated) && typeof stated !== 'number') {
    throw unloadable('its output_shape is no shape')
  }
  // The axes of the bias, and 1 for those behind its first that it does not have.
  const axes = config.string('bias_axes')
  const letters = output.replace('...', '').split('')
  const shape = letters.map((letter, at) =>
    axes.includes(letter) ? Number(product.shape[product.rank - letters.length + at]) : 1,
  )
  const start = letters.findIndex((letter) => axes.includes(letter))
  const bias = call.weight(
    'bias',
    axes.split('').map(() => null),
  )
  const sizes = shape.slice(start)
  if (sizes.reduce((a, b) => a * b, 1) !== bias.shape.reduce((a, b) => a * b, 1)) {
    throw unloadable('its bias does not fit its equation')
  }
  const offset = new Tensor(graph.weights('bias', sizes, () => bias.read()))
  return activateBy(call, binary(graph, 'Add', product, offset))
}

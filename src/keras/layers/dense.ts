import { unloadable } from '../failure.ts'
import type { GraphBuilder } from '../graph/builder.ts'
import { binary } from '../graph/ops/elementwise.ts'
import type { Value } from '../graph/ir.ts'
import { Tensor } from '../graph/tensor.ts'
import type { StoredTensor } from '../read/stored-tensor.ts'
import { activateBy } from './activation-layers.ts'
import { oneFloat } from './inputs.ts'
import type { LayerCall, LayerKinds } from './layer-kind.ts'
import { hasBias, own } from './weight-slot.ts'

export const DENSE: LayerKinds = {
  Dense: {
    weights: ({ config }) => own('kernel', hasBias(config) && 'bias'),
    lower(call) {
      const x = oneFloat(call)
      const units = call.config.integer('units')
      const kernel = call.weight('kernel', [lastOf(call, x), units])
      const bias = hasBias(call.config) ? call.weight('bias', [units]) : undefined
      return activateBy(call, dense(call.graph, x, kernel, bias))
    },
  },
}

function lastOf({ layer }: LayerCall, x: Tensor): number {
  const size = x.shape.at(-1)
  if (typeof size === 'number') return size
  throw unloadable(`Dense ${layer.name}: the last dimension of its input is open`)
}

/** `x · kernel + bias` over the last axis. */
export function dense(
  graph: GraphBuilder,
  x: Tensor,
  kernel: StoredTensor,
  bias: StoredTensor | undefined,
): Tensor {
  const [, units = 1] = kernel.shape
  const weights = graph.weights('kernel', kernel.shape, () => kernel.read())
  const offset: Value | undefined = bias && graph.weights('bias', bias.shape, () => bias.read())
  const shape = [...x.shape.slice(0, -1), units]
  const value = x.value(graph)
  if (x.rank === 2) {
    const inputs = offset === undefined ? [value, weights] : [value, weights, offset]
    return new Tensor(graph.op('Gemm', inputs, { dtype: 'float32', shape }), 'last', x.mask)
  }
  const out = new Tensor(
    graph.op('MatMul', [value, weights], { dtype: 'float32', shape }),
    'last',
    x.mask,
  )
  return offset === undefined ? out : binary(graph, 'Add', out, new Tensor(offset))
}

import { unloadable } from '../failure.ts'
import { toFloat } from '../graph/ops/elementwise.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { LayerCall } from './layer-kind.ts'

/** The one tensor that the layer takes. Throws MODEL_UNLOADABLE when it got none. */
export function one({ inputs, layer }: LayerCall): Tensor {
  const [x] = inputs
  if (x === undefined) throw unloadable(`${layer.className} ${layer.name} is called with nothing`)
  return x
}

/** The one tensor, in floating point, with this many dimensions. */
export function oneFloat(call: LayerCall, rank?: number): Tensor {
  const x = one(call)
  if (rank !== undefined && x.rank !== rank) {
    const { className, name } = call.layer
    throw unloadable(`${className} ${name} takes ${rank} dimensions, and gets ${x.rank}`)
  }
  return toFloat(call.graph, x)
}

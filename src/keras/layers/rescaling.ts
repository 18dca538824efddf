import { affine } from '../graph/ops/elementwise.ts'
import { oneFloat } from './inputs.ts'
import type { LayerKinds } from './layer-kind.ts'

export const RESCALING: LayerKinds = {
  Rescaling: {
    lower: (call) => {
      const scale = call.config.floats('scale')
      const offset = call.config.has('offset') ? call.config.floats('offset') : [0]
      return affine(call.graph, oneFloat(call), scale, offset)
    },
  },
}

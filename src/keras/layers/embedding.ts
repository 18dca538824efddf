import { binary, cast, scalar, unary } from '../graph/ops/elementwise.ts'
import { gather } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'
import { one } from './inputs.ts'
import type { LayerCall, LayerKinds } from './layer-kind.ts'
import { own } from './weight-slot.ts'

export const EMBEDDINGS: LayerKinds = {
  Embedding: { weights: () => own('embeddings'), lower: embedding },
}

function embedding(call: LayerCall): Tensor {
  const { graph, config } = call
  const x = one(call)
  const shape = [config.integer('input_dim'), config.integer('output_dim')]
  const stored = call.weight('embeddings', shape)
  const table = new Tensor(graph.weights('embeddings', shape, () => stored.read()))
  const indices = x.dtype === 'int32' || x.dtype === 'int64' ? x : cast(graph, x, 'int32')
  const found = gather(graph, table, indices.value(graph), 0)
  if (!config.boolean('mask_zero', false)) return found
  const isPadding = binary(graph, 'Equal', x, scalar(graph, 0, x.dtype), 'bool')
  return found.masked(unary(graph, 'Not', isPadding))
}

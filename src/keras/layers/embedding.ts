import { binary, cast, scalar, unary } from '../graph/ops/elementwise.ts'
import { gather, transpose } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'
import { matmul } from './einsum.ts'
import { one, oneFloat } from './inputs.ts'
import type { LayerCall, LayerKinds } from './layer-kind.ts'
import { own } from './weight-slot.ts'

export const EMBEDDINGS: LayerKinds = {
  Embedding: { weights: () => own('embeddings'), lower: embedding },
  ReversibleEmbedding: {
    weights: ({ config }) =>
      own('embeddings', !config.boolean('tie_weights', true) && 'reverse_embeddings'),
    lower: (call) => (call.kwargs.get('reverse') === true ? reverse(call) : embedding(call)),
  },
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

/** Scores of all entries, by the transposed table or one of its own. */
function reverse(call: LayerCall): Tensor {
  const { graph, config } = call
  const shape = [config.integer('input_dim'), config.integer('output_dim')]
  const isTied = config.boolean('tie_weights', true)
  const kernel = isTied
    ? call.weight('embeddings', shape)
    : call.weight('reverse_embeddings', shape.toReversed())
  const stored = new Tensor(graph.weights('reverse', kernel.shape, () => kernel.read()))
  const scores = matmul(graph, oneFloat(call), isTied ? transpose(graph, stored, [1, 0]) : stored)
  if (!config.has('logit_soft_cap')) return scores
  const cap = scalar(graph, config.float('logit_soft_cap'))
  return binary(graph, 'Mul', unary(graph, 'Tanh', binary(graph, 'Div', scores, cap)), cap)
}

import { unloadable } from '../failure.ts'
import { binary, cast, scalar, softmax, toFloat, unary } from '../graph/ops/elementwise.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { expandDims, transpose } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'
import { both, causalMask, masked } from './dot-product.ts'
import { matmul } from './einsum.ts'
import type { LayerCall, LayerKinds, Result } from './layer-kind.ts'
import { own } from './weight-slot.ts'

export const ATTENTION: LayerKinds = {
  Attention: {
    weights: ({ config }) =>
      own(
        config.boolean('use_scale', false) && 'scale',
        config.string('score_mode', 'dot') === 'concat' && 'concat_score_weight',
      ),
    lower: (call) => attend(call, luong),
  },
  AdditiveAttention: {
    weights: ({ config }) => own(config.boolean('use_scale', true) && 'scale'),
    lower: (call) => attend(call, bahdanau),
  },
}

type Scores = (call: LayerCall, query: Tensor, key: Tensor) => Tensor

/** softmax(scores of query and key) · value, for one head. */
function attend(call: LayerCall, scoresOf: Scores): Result {
  const { graph, inputs, kwargs, config } = call
  const [query, value, key = value] = inputs.map((x) => toFloat(graph, x))
  if (query === undefined || value === undefined || key === undefined) {
    throw unloadable('it takes a list of a query and a value')
  }
  if (kwargs.get('mask') instanceof Tensor) throw config.unsupported('masks as an argument')
  const plain = scoresOf(call, query, key)
  const causal =
    kwargs.get('use_causal_mask') === true || config.boolean('causal', false)
      ? causalMask(graph, plain.shape.at(-2) ?? null, plain.shape.at(-1) ?? null)
      : undefined
  const padding = value.mask && expandDims(graph, cast(graph, value.mask, 'bool'), [1])
  const scores = softmax(graph, masked(graph, plain, both(graph, padding, causal)), -1)
  const result = matmul(graph, scores, value)
  return kwargs.get('return_attention_scores') === true ? [result, scores] : result
}

/** q kᵀ, or w Σ tanh(q + k). */
function luong(call: LayerCall, query: Tensor, key: Tensor): Tensor {
  const { graph, config } = call
  const isScaled = config.boolean('use_scale', false)
  const scale = isScaled ? scalar(graph, call.weight('scale', []).read()[0] ?? 1) : undefined
  const times = (x: Tensor) => (scale === undefined ? x : binary(graph, 'Mul', x, scale))
  if (config.oneOf('score_mode', ['dot', 'concat'], 'dot') === 'dot') {
    return times(matmul(graph, query, transpose(graph, key, [0, 2, 1])))
  }
  const sum = reduce(
    graph,
    'ReduceSum',
    unary(graph, 'Tanh', times(sums(call, query, key))),
    [-1],
    false,
  )
  const weight = call.weight('concat_score_weight', []).read()[0] ?? 1
  return binary(graph, 'Mul', sum, scalar(graph, weight))
}

/** Σ scale · tanh(q + k) */
function bahdanau(call: LayerCall, query: Tensor, key: Tensor): Tensor {
  const { graph, config } = call
  const bent = unary(graph, 'Tanh', sums(call, query, key))
  if (!config.boolean('use_scale', true)) return reduce(graph, 'ReduceSum', bent, [-1], false)
  const stored = call.weight('scale', [query.shape.at(-1) ?? null])
  const scale = new Tensor(graph.weights('scale', stored.shape, () => stored.read()))
  return reduce(graph, 'ReduceSum', binary(graph, 'Mul', bent, scale), [-1], false)
}

/** Each query plus each key: [batch, length, keys, depth]. */
function sums({ graph }: LayerCall, query: Tensor, key: Tensor): Tensor {
  return binary(graph, 'Add', expandDims(graph, query, [2]), expandDims(graph, key, [1]))
}

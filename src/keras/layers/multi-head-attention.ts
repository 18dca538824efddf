import { unloadable } from '../failure.ts'
import { binary, cast, normalAxis, scalar, toFloat } from '../graph/ops/elementwise.ts'
import { expandDims, reshape, tile, type Size } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'
import { einsum } from './einsum.ts'
import { attention, both, causalMask } from './dot-product.ts'
import type { LayerCall, LayerKinds, Result } from './layer-kind.ts'
import type { LayerConfig } from '../config/layer-config.ts'
import { own, within } from './weight-slot.ts'

const PROJECTIONS = ['query_dense', 'key_dense', 'value_dense', 'output_dense'] as const

function weights({ config }: { config: LayerConfig }) {
  const slots = own('kernel', config.boolean('use_bias', true) && 'bias')
  return PROJECTIONS.flatMap((name) => within(name, slots))
}

export const MULTI_HEAD_ATTENTION: LayerKinds = {
  MultiHeadAttention: { weights, lower: multiHead },
  GroupQueryAttention: { weights, lower: grouped },
  GroupedQueryAttention: { weights, lower: grouped },
}

interface Sources {
  readonly query: Tensor
  readonly value: Tensor
  readonly key: Tensor
}

function sourcesOf(call: LayerCall): Sources {
  const tensor = (place: number, name: string) => {
    const given = call.args[place] ?? call.kwargs.get(name)
    return given instanceof Tensor ? toFloat(call.graph, given) : undefined
  }
  const query = tensor(0, 'query')
  const value = tensor(1, 'value')
  const key = tensor(2, 'key') ?? value
  if (query && value && key) return { query, value, key }
  throw unloadable('it takes a query and a value')
}

function multiHead(call: LayerCall): Result {
  const { graph, config } = call
  const sources = sourcesOf(call)
  const { query } = sources
  const middle = query.shape.map((_, axis) => axis).slice(1, -1)
  const axes = config.has('attention_axes')
    ? config.integers('attention_axes').map((axis) => normalAxis(axis, query.rank))
    : middle
  const isLast = axes.every((axis, at) => axis === query.rank - 1 - axes.length + at)
  if (!isLast) throw config.unsupported('attention_axes that are not the last ones')
  const depth = config.integer('key_dim')
  if (config.boolean('flash_attention', false)) call.warn('flash attention is not used')
  const q = scaled(call, project(call, flat(call, query, axes.length), 'query_dense'), depth)
  const k = project(call, flat(call, sources.key, axes.length), 'key_dense')
  const v = project(call, flat(call, sources.value, axes.length), 'value_dense')
  const mask = maskOf(call, sources, q, k)
  const { output, scores } = attention(graph, { query: q, key: k, value: v, mask })
  const mixed = unflat(call, projectBack(call, output), query, axes.length)
  const result = mixed.masked(query.mask)
  if (!returnsScores(call)) return result
  if (axes.length > 1) throw config.unsupported('scores over several axes')
  return [result, scores]
}

function returnsScores({ kwargs }: LayerCall): boolean {
  return kwargs.get('return_attention_scores') === true
}

/** Several axes of attention are one. */
function flat({ graph }: LayerCall, x: Tensor, count: number): Tensor {
  if (count === 1) return x
  const outer = x.shape.slice(0, -1 - count).map((size, axis): Size => size ?? { axis })
  return reshape(graph, x, [...outer, 'rest', Number(x.shape.at(-1))])
}

function unflat({ graph }: LayerCall, x: Tensor, like: Tensor, count: number): Tensor {
  if (count === 1) return x
  const sizes = like.shape.slice(1, -1).map(Number)
  return reshape(graph, x, [{ axis: 0 }, ...sizes, Number(x.shape.at(-1))])
}

/** [batch, …, length, channels] → [batch, …, length, heads, depth] */
function project(call: LayerCall, x: Tensor, name: (typeof PROJECTIONS)[number]): Tensor {
  const stored = call.weight(`${name}/kernel`, [x.shape.at(-1) ?? null, null, null])
  const kernel = new Tensor(call.graph.weights(name, stored.shape, () => stored.read()))
  return biased(call, einsum(call.graph, '...x,xnh->...nh', [x, kernel]), name, 2)
}

function projectBack(call: LayerCall, x: Tensor): Tensor {
  const [heads = null, depth = null] = x.shape.slice(-2)
  const rank = call.config.has('output_shape') ? call.config.integers('output_shape').length : 1
  const open = Array.from({ length: rank }, () => null)
  const stored = call.weight('output_dense/kernel', [heads, depth, ...open])
  const kernel = new Tensor(call.graph.weights('output_dense', stored.shape, () => stored.read()))
  const to = 'uvw'.slice(0, rank)
  const mixed = einsum(call.graph, `...nh,nh${to}->...${to}`, [x, kernel])
  return biased(call, mixed, 'output_dense', rank)
}

function biased(call: LayerCall, x: Tensor, name: string, rank: number): Tensor {
  if (!call.config.boolean('use_bias', true)) return x
  const bias = call.weight(`${name}/bias`, x.shape.slice(-rank))
  const offset = call.graph.weights(`${name}_bias`, bias.shape, () => bias.read())
  return binary(call.graph, 'Add', x, new Tensor(offset))
}

function scaled({ graph }: LayerCall, query: Tensor, depth: number): Tensor {
  return binary(graph, 'Mul', query, scalar(graph, 1 / Math.sqrt(depth)))
}

/** What was given, what the sequences themselves say, and what lies in the future. */
function maskOf(
  call: LayerCall,
  { query, value, key }: Sources,
  q: Tensor,
  k: Tensor,
): Tensor | undefined {
  const { graph, kwargs } = call
  const given = kwargs.get('attention_mask')
  const stated = given instanceof Tensor ? cast(graph, given, 'bool') : undefined
  let mask = stated
  if (query.mask) mask = both(graph, mask, expandDims(graph, query.mask, [2]))
  if (value.mask) mask = both(graph, mask, expandDims(graph, value.mask, [1]))
  if (key !== value && key.mask) mask = both(graph, mask, expandDims(graph, key.mask, [1]))
  const causal =
    kwargs.get('use_causal_mask') === true
      ? causalMask(graph, q.shape.at(-3) ?? null, k.shape.at(-3) ?? null)
      : undefined
  mask = both(graph, mask, causal)
  // One mask for all heads, unless it has an axis for them.
  return mask && mask.rank === q.rank - 1 ? expandDims(graph, mask, [mask.rank - 2]) : mask
}

/** Several heads of the query share one of the keys and values. */
function grouped(call: LayerCall): Result {
  const { graph, config } = call
  const sources = sourcesOf(call)
  const repeats = config.integer('num_query_heads') / config.integer('num_key_value_heads')
  if (!Number.isSafeInteger(repeats)) throw config.wrong('num_query_heads', 'a multiple')
  const depth = config.integer('head_dim')
  const q = scaled(call, project(call, sources.query, 'query_dense'), depth)
  const k = repeated(call, project(call, sources.key, 'key_dense'), repeats)
  const v = repeated(call, project(call, sources.value, 'value_dense'), repeats)
  const mask = maskOf(call, sources, q, k)
  const { output, scores } = attention(graph, { query: q, key: k, value: v, mask })
  const result = projectBack(call, output).masked(sources.query.mask)
  return returnsScores(call) ? [result, scores] : result
}

function repeated({ graph }: LayerCall, x: Tensor, repeats: number): Tensor {
  const [, length = null, heads = null, depth = null] = x.shape
  const many = tile(graph, expandDims(graph, x, [3]), [1, 1, 1, repeats, 1])
  const time: Size = length ?? { axis: 1 }
  return reshape(graph, many, [{ axis: 0 }, time, Number(heads) * repeats, Number(depth)])
}

import type { GraphBuilder } from '../graph/builder.ts'
import { binary, cast, scalar, softmax } from '../graph/ops/elementwise.ts'
import { transpose } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'
import { bounded, unsupported } from '../failure.ts'
import { matmul } from './einsum.ts'

/** What makes a score count for nothing beside others. */
const FAR_BELOW = -1e9

interface Heads {
  /** [batch, …, length, heads, depth], already scaled. */
  readonly query: Tensor
  readonly key: Tensor
  readonly value: Tensor
  /** Booleans that broadcast to the scores: [batch, …, heads, length, keys]. */
  readonly mask?: Tensor | undefined
}

/** softmax(q kᵀ) v for each head: [batch, …, length, heads, depth], and the softmax. */
export function attention(
  graph: GraphBuilder,
  { query, key, value, mask }: Heads,
): { output: Tensor; scores: Tensor } {
  const axes = query.shape.map((_, axis) => axis)
  const outer = axes.slice(0, -3)
  const [length = 0, heads = 0, depth = 0] = axes.slice(-3)
  const q = transpose(graph, query, [...outer, heads, length, depth])
  const k = transpose(graph, key, [...outer, heads, depth, length])
  const v = transpose(graph, value, [...outer, heads, length, depth])
  const scores = softmax(graph, masked(graph, matmul(graph, q, k), mask), -1)
  const mixed = matmul(graph, scores, v)
  return { output: transpose(graph, mixed, [...outer, heads, length, depth]), scores }
}

export function masked(graph: GraphBuilder, scores: Tensor, mask: Tensor | undefined): Tensor {
  if (mask === undefined) return scores
  const hidden = binary(graph, 'Sub', scalar(graph, 1), cast(graph, mask, 'float32'))
  const below = binary(graph, 'Mul', hidden, scalar(graph, FAR_BELOW))
  return binary(graph, 'Add', scores, below)
}

/** True where a key is no later than its query: bool[length, keys]. */
export function causalMask(
  graph: GraphBuilder,
  length: number | null,
  keys: number | null,
): Tensor {
  if (length === null || keys === null) throw unsupported('a causal mask of open length')
  const values = Float32Array.from({ length: bounded(length * keys, 'a causal mask') }, (_, at) =>
    at % keys <= Math.floor(at / keys) ? 1 : 0,
  )
  return cast(graph, new Tensor(graph.floats(values, [length, keys])), 'bool')
}

export function both(
  graph: GraphBuilder,
  a: Tensor | undefined,
  b: Tensor | undefined,
): Tensor | undefined {
  return a && b ? binary(graph, 'And', a, b, 'bool') : (a ?? b)
}

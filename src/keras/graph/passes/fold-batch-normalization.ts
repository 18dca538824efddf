import { eager, floatsOf, lazy } from '../constants.ts'
import type { Graph, Node, Value } from '../ir.ts'
import { replaced, Uses } from '../uses.ts'

/** Where the output channels lie in the weights of an operator. */
const CHANNEL_AXIS: Readonly<Record<string, number>> = { Conv: 0, ConvTranspose: 1, Gemm: 1 }

/**
 * Scales the weights of a convolution or a matrix product instead of its result, where nothing
 * else sees the result: γ (W x + b − μ) / √(σ² + ε) + β = (sW) x + s (b − μ) + β with
 * s = γ / √(σ² + ε).
 */
export function foldBatchNormalization(graph: Graph): Graph {
  const uses = new Uses(graph)
  const replacements = new Map<Node, Node | undefined>()
  for (const node of graph.nodes) {
    if (node.op !== 'BatchNormalization') continue
    const linear = uses.onlyFor(node.inputs[0])
    const folded = linear && foldInto(linear, node)
    if (linear === undefined || folded === undefined) continue
    replacements.set(linear, undefined)
    replacements.set(node, folded)
  }
  return replaced(graph, replacements)
}

function foldInto(linear: Node, norm: Node): Node | undefined {
  const axis = CHANNEL_AXIS[linear.op]
  const [x, weights, bias] = linear.inputs
  if (axis === undefined || weights?.constant === undefined) return undefined
  if (bias !== undefined && bias.constant === undefined) return undefined
  const [gamma, beta, mean, variance] = norm.inputs.slice(1).map(floatsIn)
  const epsilon = norm.attributes['epsilon']?.value
  if (!gamma || !beta || !mean || !variance || typeof epsilon !== 'number') return undefined
  if (linear.op === 'ConvTranspose' && linear.attributes['group'] !== undefined) return undefined
  const old = bias && floatsIn(bias)
  const scale = Float64Array.from(gamma, (g, at) => g / Math.sqrt((variance[at] ?? 0) + epsilon))
  const offset = Float32Array.from(
    scale,
    (s, at) => (beta[at] ?? 0) + s * ((old?.[at] ?? 0) - (mean[at] ?? 0)),
  )
  return {
    ...linear,
    inputs: [x, scaledBy(weights, scale, axis), vector(`${weights.name}/bias`, offset)],
    outputs: norm.outputs,
  }
}

function floatsIn(value: Value | undefined): Float32Array | undefined {
  return value?.constant && floatsOf(value.constant)
}

function scaledBy(weights: Value, scale: Float64Array, axis: number): Value {
  const { constant, shape } = weights
  if (constant === undefined) return weights
  const inner = shape.slice(axis + 1).reduce((all: number, size) => all * Number(size), 1)
  const count = constant.bytes / 4
  const load = () => {
    const loaded = floatsOf(constant)
    const values = constant.isFresh ? loaded : loaded.slice()
    for (let at = 0, block = 0; at < values.length; block++) {
      const factor = scale[block % scale.length] ?? 1
      for (const end = at + inner; at < end; at++) values[at] = (values[at] ?? 0) * factor
    }
    return values
  }
  return { ...weights, name: `${weights.name}/folded`, constant: lazy(count, load) }
}

function vector(name: string, values: Float32Array): Value {
  return { name, dtype: 'float32', shape: [values.length], constant: eager(values) }
}

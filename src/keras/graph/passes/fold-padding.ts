import { eager } from '../constants.ts'
import type { Attribute, Graph, Node, Value } from '../ir.ts'
import { ints } from '../ir.ts'
import { replaced, Uses } from '../uses.ts'

/** What no negative number comes out of: a maximum is the same with 0 or with −∞ around it. */
const NOT_NEGATIVE = new Set(['Relu', 'Sigmoid'])

/**
 * onnxruntime lets a maximum do the zero padding in front of it, which is wrong where all else is
 * negative; it does not do that with any other number. This one vanishes beside whatever a network
 * computes with, and is far from those so small that processors are slow with them.
 */
const NEARLY_ZERO = 1e-30

/**
 * Lets a convolution do the zero padding in front of it, and a maximum that of what is not
 * negative.
 */
export function foldPadding(graph: Graph): Graph {
  const uses = new Uses(graph)
  const replacements = new Map<Node, Node | undefined>()
  for (const node of graph.nodes) {
    if (node.op !== 'Conv' && node.op !== 'MaxPool') continue
    const pad = uses.onlyFor(node.inputs[0])
    if (pad?.op !== 'Pad' || node.attributes['auto_pad'] !== undefined) continue
    const pads = sum(spatialPads(pad), node.attributes['pads'])
    if (pads === undefined) continue
    // ONNX refuses to pool over nothing but padding.
    const isSafe =
      node.op === 'Conv' ||
      (isNotNegative(uses.producer(pad.inputs[0])) &&
        isSmaller(pads, node.attributes['kernel_shape']))
    if (!isSafe) {
      replacements.set(pad, { ...pad, inputs: [...pad.inputs, nearlyZero(pad)] })
      continue
    }
    replacements.set(pad, undefined)
    replacements.set(node, {
      ...node,
      inputs: [pad.inputs[0], ...node.inputs.slice(1)],
      attributes: { ...node.attributes, pads: ints(pads) },
    })
  }
  return replaced(graph, replacements)
}

function nearlyZero({ name }: Node): Value {
  const data = Float32Array.of(NEARLY_ZERO)
  return { name: `${name}/nearly-zero`, dtype: 'float32', shape: [], constant: eager(data) }
}

function isNotNegative(node: Node | undefined): boolean {
  if (node?.op === 'Clip') {
    const low = node.inputs[1]?.constant?.load()
    return low instanceof Float32Array && (low[0] ?? -1) >= 0
  }
  return node !== undefined && NOT_NEGATIVE.has(node.op)
}

/** Of the axes behind the channels; undefined when there is anything else to it. */
function spatialPads({ inputs, attributes }: Node): number[] | undefined {
  const amounts = inputs[1]?.constant?.load()
  if (inputs.length > 2 || attributes['mode'] !== undefined) return undefined
  if (!(amounts instanceof BigInt64Array)) return undefined
  const all = Array.from(amounts, Number)
  const rank = all.length / 2
  const others = [...all.slice(0, 2), ...all.slice(rank, rank + 2)]
  if (others.some((amount) => amount !== 0) || all.some((amount) => amount < 0)) return undefined
  return [...all.slice(2, rank), ...all.slice(rank + 2)]
}

function sum(pads: number[] | undefined, own: Attribute | undefined): number[] | undefined {
  if (own?.kind !== 'ints') return pads
  return pads?.map((amount, at) => amount + (own.value[at] ?? 0))
}

function isSmaller(pads: readonly number[], kernel: Attribute | undefined): boolean {
  if (kernel?.kind !== 'ints') return false
  return pads.every((amount, at) => amount < (kernel.value[at % kernel.value.length] ?? 0))
}

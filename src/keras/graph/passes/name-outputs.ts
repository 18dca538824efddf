import type { Graph, Node, Value } from '../ir.ts'
import { Uses } from '../uses.ts'

/**
 * Gives the node that makes an output the output's name, in place of an Identity behind it. It
 * stays where the value is an input or a constant, or has another output's name already.
 */
export function nameOutputs(graph: Graph): Graph {
  const uses = new Uses(graph)
  const renamed = new Map<Value, Value>()
  const gone = new Set<Node>()
  for (const output of graph.outputs) {
    const identity = uses.producer(output)
    const [value] = identity?.inputs ?? []
    if (identity?.op !== 'Identity' || value === undefined) continue
    if (uses.producer(value) === undefined || renamed.has(value)) continue
    renamed.set(value, output)
    gone.add(identity)
  }
  const now = (value: Value) => renamed.get(value) ?? value
  const nodes = graph.nodes
    .filter((node) => !gone.has(node))
    .map((node) => ({
      ...node,
      inputs: node.inputs.map((value) => value && now(value)),
      outputs: node.outputs.map(now),
    }))
  return { ...graph, nodes }
}

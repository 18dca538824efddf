import type { Graph, Value } from '../ir.ts'

/** Leaves out the nodes that no output depends on. */
export function removeDead(graph: Graph): Graph {
  const needed = new Set<Value>(graph.outputs)
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((value) => needed.has(value))) return false
    for (const value of node.inputs) if (value !== undefined) needed.add(value)
    return true
  })
  return { ...graph, nodes: nodes.toReversed() }
}

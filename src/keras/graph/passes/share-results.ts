import type { Graph, Node, Value } from '../ir.ts'

/** Computes once what several nodes compute alike, as with an activation of one tensor for each branch. */
export function shareResults(graph: Graph): Graph {
  const outputs = new Set(graph.outputs)
  const first = new Map<string, Node>()
  const instead = new Map<Value, Value>()
  const nodes: Node[] = []
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((value) => value && (instead.get(value) ?? value))
    const moved: Node = { ...node, inputs }
    const key = keyOf(moved)
    const same = first.get(key)
    if (same === undefined || node.outputs.some((value) => outputs.has(value))) {
      if (same === undefined) first.set(key, moved)
      nodes.push(moved)
      continue
    }
    node.outputs.forEach((value, at) => instead.set(value, same.outputs[at] ?? value))
  }
  return { ...graph, nodes }
}

function keyOf({ op, inputs, attributes }: Node): string {
  return JSON.stringify([op, inputs.map((value) => value?.name ?? null), attributes])
}

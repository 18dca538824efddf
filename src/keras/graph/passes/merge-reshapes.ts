import type { Graph, Node } from '../ir.ts'
import { Uses } from '../uses.ts'

/**
 * Skips all but the last of several reshapes in a row, where that one does not say "as the input
 * has it" of anything but the batch.
 */
export function mergeReshapes(graph: Graph): Graph {
  const uses = new Uses(graph)
  const nodes = graph.nodes.map((node): Node => {
    if (node.op !== 'Reshape' || !keepsBatchOnly(node)) return node
    let [from, target] = node.inputs
    for (let before = uses.producer(from); before?.op === 'Reshape'; before = uses.producer(from)) {
      const [next] = before.inputs
      if (next === undefined || next.shape[0] !== from?.shape[0] || !keepsBatchOnly(before)) break
      from = next
    }
    return from === node.inputs[0] ? node : { ...node, inputs: [from, target] }
  })
  return { ...graph, nodes }
}

function keepsBatchOnly({ inputs }: Node): boolean {
  const target = inputs[1]?.constant?.load()
  return (
    target instanceof BigInt64Array &&
    target.every((size, at) => size !== 0n || at === 0) &&
    (target[0] === 0n || inputs[0]?.shape[0] !== null)
  )
}

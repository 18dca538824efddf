import type { Graph, Node, Value } from './ir.ts'

/** Who makes and who takes each value of a graph. */
export class Uses {
  readonly #producers = new Map<Value, Node>()
  readonly #consumers = new Map<Value, Node[]>()
  readonly #outputs: ReadonlySet<Value>

  constructor({ nodes, outputs }: Graph) {
    this.#outputs = new Set(outputs)
    for (const node of nodes) {
      for (const value of node.outputs) this.#producers.set(value, node)
      for (const value of node.inputs) {
        if (value === undefined) continue
        const known = this.#consumers.get(value)
        if (known === undefined) this.#consumers.set(value, [node])
        else known.push(node)
      }
    }
  }

  producer(value: Value | undefined): Node | undefined {
    return value === undefined ? undefined : this.#producers.get(value)
  }

  /** The producer, if this node is the only one that sees what it makes. */
  onlyFor(value: Value | undefined): Node | undefined {
    if (value === undefined || this.#outputs.has(value)) return undefined
    return this.#consumers.get(value)?.length === 1 ? this.#producers.get(value) : undefined
  }

  isOutput(value: Value): boolean {
    return this.#outputs.has(value)
  }
}

/** The graph with some nodes replaced; a replacement stands where the last of its parts stood. */
export function replaced(graph: Graph, replacements: ReadonlyMap<Node, Node | undefined>): Graph {
  if (replacements.size === 0) return graph
  const nodes = graph.nodes.flatMap((node) => {
    if (!replacements.has(node)) return [node]
    const by = replacements.get(node)
    return by === undefined ? [] : [by]
  })
  return { ...graph, nodes }
}

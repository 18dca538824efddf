import { unloadable } from '../failure.ts'
import { binary, scalar, toFloat } from '../graph/ops/elementwise.ts'
import { concat, expandDims } from '../graph/ops/shape.ts'
import { type Tensor } from '../graph/tensor.ts'
import type { LayerCall, LayerKind, LayerKinds } from './layer-kind.ts'

export const MERGING: LayerKinds = {
  Add: folding('Add'),
  Subtract: folding('Sub'),
  Multiply: folding('Mul'),
  Maximum: folding('Max'),
  Minimum: folding('Min'),
  Average: {
    lower: (call) =>
      binary(call.graph, 'Mul', fold(call, 'Add'), scalar(call.graph, 1 / call.inputs.length)),
  },
  Concatenate: {
    lower: (call) => {
      const parts = ofOneType(call)
      return concat(call.graph, parts, call.config.integer('axis', -1))
    },
  },
}

function folding(op: string): LayerKind {
  return { lower: (call) => fold(call, op) }
}

function fold(call: LayerCall, op: string): Tensor {
  const rank = Math.max(...call.inputs.map((x) => x.rank))
  // Ranks are made equal behind the batch, not in front of it as numpy does.
  const [first, ...others] = ofOneType(call).map((x) =>
    x.rank === rank ? x : expandDims(call.graph, x, axesFrom1(rank - x.rank)),
  )
  if (first === undefined) throw unloadable(`${call.layer.name} merges nothing`)
  return others.reduce((all, next) => binary(call.graph, op, all, next), first)
}

function axesFrom1(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1)
}

function ofOneType({ graph, inputs }: LayerCall): Tensor[] {
  const isMixed = new Set(inputs.map(({ dtype }) => dtype)).size > 1
  return inputs.map((x) => (isMixed ? toFloat(graph, x) : x))
}

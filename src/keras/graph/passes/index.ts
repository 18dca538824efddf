import type { Graph } from '../ir.ts'
import { foldBatchNormalization } from './fold-batch-normalization.ts'
import { foldPadding } from './fold-padding.ts'
import { mergeReshapes } from './merge-reshapes.ts'
import { nameOutputs } from './name-outputs.ts'
import { removeDead } from './remove-dead.ts'
import { shareResults } from './share-results.ts'

const PASSES = [
  nameOutputs,
  removeDead,
  shareResults,
  foldPadding,
  foldBatchNormalization,
  mergeReshapes,
]

/** The same function with fewer nodes. */
export function optimized(graph: Graph): Graph {
  return removeDead(PASSES.reduce((improved, pass) => pass(improved), graph))
}

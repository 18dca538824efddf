import type { NamedTensorMap } from '@tensorflow/tfjs-node'

import { CutoverError } from '../../../domain/errors.ts'
import type { TensorSpec } from '../../../domain/signature.ts'
import type { OpenModel } from './open-model.ts'
import type { Runtime } from './runtime.ts'
import { specOf } from './signature.ts'

const TAG = 'serve'
const SIGNATURE = 'serving_default'

type Infos = Readonly<Record<string, { tfDtype?: string; dtype: string; shape?: unknown }>>

/**
 * Opens a SavedModel directory: the graph tagged `serve`, or the only one, and its signature
 * `serving_default`, or its only one.
 */
export async function openSavedModel(tf: Runtime, dir: string): Promise<OpenModel> {
  const graphs = await tf.node.getMetaGraphsFromSavedModel(dir)
  const graph = graphs.find(({ tags }) => tags.includes(TAG)) ?? only(graphs)
  if (graph === undefined) {
    const tags = graphs.map((each) => `[${each.tags.join(', ')}]`).join(', ')
    throw unloadable(`none of the graphs is tagged ${TAG}; there are: ${tags}`)
  }
  const names = Object.keys(graph.signatureDefs)
  const name = names.includes(SIGNATURE) ? SIGNATURE : only(names)
  const definition = name === undefined ? undefined : graph.signatureDefs[name]
  if (name === undefined || definition === undefined) {
    throw unloadable(`it has no signature ${SIGNATURE}; there are: ${names.join(', ') || 'none'}`)
  }
  const model = await tf.node.loadSavedModel(dir, graph.tags, name)
  return {
    signature: {
      inputs: specsOf(definition.inputs),
      outputs: specsOf(definition.outputs),
    },
    run(inputs) {
      // Always by name: a list would be paired with the inputs in an order of its own.
      const outputs = model.predict(Object.fromEntries(inputs)) as NamedTensorMap
      return Promise.resolve(new Map(Object.entries(outputs)))
    },
    close: () => model.dispose(),
  }
}

function specsOf(infos: Infos): TensorSpec[] {
  return Object.entries(infos).map(([name, { tfDtype, dtype, shape }]) =>
    specOf(name, tfDtype ?? dtype, Array.isArray(shape) ? (shape as unknown[]) : undefined),
  )
}

function only<T>(items: readonly T[]): T | undefined {
  return items.length === 1 ? items[0] : undefined
}

function unloadable(sentence: string): CutoverError {
  return new CutoverError('MODEL_UNLOADABLE', `the SavedModel cannot be served: ${sentence}`)
}

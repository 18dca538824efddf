import type { NamedTensorMap } from '@tensorflow/tfjs-node'

import { CutoverError } from '../../../domain/errors.ts'
import {
  DEFAULT_SIGNATURE,
  type NamedSignature,
  type Signature,
  type TensorSpec,
} from '../../../domain/signature.ts'
import type { OpenModel } from './open-model.ts'
import type { Runtime } from './runtime.ts'
import { specOf } from './signature.ts'

const TAG = 'serve'

type Infos = Readonly<Record<string, { tfDtype?: string; dtype: string; shape?: unknown }>>

/**
 * Opens a SavedModel directory: the graph tagged `serve`, or the only one, and its signature
 * `serving_default`, or its only one. Its other signatures can be asked by name, but for those
 * whose tensors tfjs-node does not carry.
 */
export async function openSavedModel(tf: Runtime, dir: string): Promise<OpenModel> {
  const graphs = await tf.node.getMetaGraphsFromSavedModel(dir)
  const graph = graphs.find(({ tags }) => tags.includes(TAG)) ?? only(graphs)
  if (graph === undefined) {
    const tags = graphs.map((each) => `[${each.tags.join(', ')}]`).join(', ')
    throw unloadable(`none of the graphs is tagged ${TAG}; there are: ${tags}`)
  }
  const names = Object.keys(graph.signatureDefs)
  const name = names.includes(DEFAULT_SIGNATURE) ? DEFAULT_SIGNATURE : only(names)
  const definition = name === undefined ? undefined : graph.signatureDefs[name]
  if (name === undefined || definition === undefined) {
    throw unloadable(
      `it has no signature ${DEFAULT_SIGNATURE}; there are: ${names.join(', ') || 'none'}`,
    )
  }
  const load = (signature: string) => tf.node.loadSavedModel(dir, graph.tags, signature)
  const model = await load(name)
  const others = Object.entries(graph.signatureDefs).flatMap(([other, infos]) =>
    other === name ? [] : namedSignature(other, infos),
  )
  // tfjs-node shares one session between them.
  const byName = new Map(
    await Promise.all(others.map(async ({ name }) => [name, await load(name)] as const)),
  )
  return {
    signature: signatureOf(definition),
    otherSignatures: others,
    run(inputs, _outputs, signature = name) {
      // Always by name: a list would be paired with the inputs in an order of its own.
      const chosen = byName.get(signature) ?? model
      const outputs = chosen.predict(Object.fromEntries(inputs)) as NamedTensorMap
      return Promise.resolve(new Map(Object.entries(outputs)))
    },
    close() {
      for (const other of byName.values()) other.dispose()
      model.dispose()
    },
  }
}

interface SignatureInfos {
  readonly inputs: Infos
  readonly outputs: Infos
}

function signatureOf({ inputs, outputs }: SignatureInfos): Signature {
  return { inputs: specsOf(inputs), outputs: specsOf(outputs) }
}

function namedSignature(name: string, infos: SignatureInfos): NamedSignature[] {
  if (Object.keys(infos.inputs).length === 0) return []
  try {
    return [{ name, ...signatureOf(infos) }]
  } catch {
    return []
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

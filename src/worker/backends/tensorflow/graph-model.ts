import type { GraphModel, Tensor as TfTensor } from '@tensorflow/tfjs-node'

import type { OpenModel } from './open-model.ts'
import { readArtifacts } from './model-files.ts'
import type { Runtime } from './runtime.ts'
import { specOf } from './signature.ts'

/** What model.json states of its inputs and outputs; the nodes themselves often say less. */
type SignatureInfos = Readonly<
  Record<
    string,
    {
      name?: string
      dtype?: string
      tensorShape?: { dim?: readonly { size: number | string }[] }
    }
  >
>

/** Opens a tfjs graph model: `place` is its model.json. */
export async function openGraphModel(tf: Runtime, place: string): Promise<OpenModel> {
  const model = await tf.loadGraphModel(tf.io.fromMemory(await readArtifacts(place)))
  // Names of nodes end in `:0` or not; clients see them without.
  const specs = (infos: GraphModel['inputs'], stated: SignatureInfos | undefined) =>
    infos.map(({ name, dtype, shape }) => {
      const info = Object.values(stated ?? {}).find(
        ({ name: stated }) => stated !== undefined && withoutIndex(stated) === withoutIndex(name),
      )
      const sizes = info?.tensorShape?.dim?.map(({ size }) => Number(size))
      return specOf(withoutIndex(name), info?.dtype ?? dtype, sizes ?? shape)
    })
  const stated = model.modelSignature as { inputs?: SignatureInfos; outputs?: SignatureInfos }
  const nodes = new Map(
    [...model.inputs, ...model.outputs].map(({ name }) => [withoutIndex(name), name]),
  )
  const nodeOf = (name: string) => nodes.get(name) ?? name
  let isDynamic = false
  return {
    signature: {
      inputs: specs(model.inputs, stated?.inputs),
      outputs: specs(model.outputs, stated?.outputs),
    },
    async run(inputs, outputs) {
      const feeds = Object.fromEntries([...inputs].map(([name, tensor]) => [nodeOf(name), tensor]))
      const fetches = outputs.map(nodeOf)
      const execute = async () => {
        if (isDynamic) return model.executeAsync(feeds, fetches)
        try {
          return model.execute(feeds, fetches)
        } catch (error) {
          // Control flow can only be executed asynchronously, which costs the others time.
          if (!String(error).includes('dynamic op')) throw error
          isDynamic = true
          return model.executeAsync(feeds, fetches)
        }
      }
      return zip(outputs, await execute())
    },
    close: () => model.dispose(),
  }
}

function withoutIndex(name: string): string {
  return name.replace(/:0$/, '')
}

/** tfjs answers one tensor for one output and a list for several. */
export function zip(
  names: readonly string[],
  results: TfTensor | TfTensor[],
): Map<string, TfTensor> {
  const list = Array.isArray(results) ? results : [results]
  return new Map(list.flatMap((tensor, i) => (names[i] === undefined ? [] : [[names[i], tensor]])))
}

import type { LayersModel, SymbolicTensor, Tensor as TfTensor } from '@tensorflow/tfjs-node'

import { CutoverError } from '../../../domain/errors.ts'
import { zip } from './graph-model.ts'
import type { OpenModel } from './open-model.ts'
import { readArtifacts } from './model-files.ts'
import type { Runtime } from './runtime.ts'
import { specOf } from './signature.ts'

/** Opens a tfjs layers model: `place` is its model.json. */
export async function openLayersModel(tf: Runtime, place: string): Promise<OpenModel> {
  const model = await tf.loadLayersModel(tf.io.fromMemory(await readArtifacts(place)))
  // A Sequential model keeps no list of its names.
  const inputNames = namesOf(model.inputNames, model.inputs)
  const outputNames = namesOf(model.outputNames, model.outputs)
  const specs = (names: readonly string[], tensors: readonly SymbolicTensor[]) =>
    tensors.map(({ dtype, shape }, i) => specOf(names[i] ?? '', dtype, shape))
  return {
    signature: {
      inputs: specs(inputNames, model.inputs),
      outputs: specs(outputNames, model.outputs),
    },
    run(inputs, outputs) {
      const ordered = inputNames.map((name) => {
        const tensor = inputs.get(name)
        if (tensor === undefined)
          throw new CutoverError('TENSOR_INVALID', `input ${name} is missing`)
        return tensor
      })
      // Inside tidy, what the layers made on the way is freed, and so are outputs nobody asked for.
      const results = tf.tidy(() => {
        const all = zip(outputNames, predict(model, ordered))
        return Object.fromEntries(
          outputs.flatMap((name) => {
            const tensor = all.get(name)
            return tensor === undefined ? [] : [[name, tensor]]
          }),
        )
      })
      return Promise.resolve(new Map(Object.entries(results)))
    },
    close: () => {
      model.dispose()
    },
  }
}

function namesOf(names: readonly string[], tensors: readonly SymbolicTensor[]): string[] {
  return tensors.map(({ name }, i) => names[i] ?? name)
}

function predict(model: LayersModel, inputs: TfTensor[]): TfTensor | TfTensor[] {
  const [only] = inputs
  return model.predict(inputs.length === 1 && only !== undefined ? only : inputs)
}

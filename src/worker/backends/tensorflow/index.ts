import path from 'node:path'

import type { Tensor as TfTensor } from '@tensorflow/tfjs-node'

import { CutoverError, messageOf } from '../../../domain/errors.ts'
import { signatureNamed } from '../../../domain/signature.ts'
import type { NamedTensors, Tensor } from '../../../domain/tensor.ts'
import type { Backend, BackendOptions, LoadedModel, RunOptions } from '../backend.ts'
import { exampleMistake } from './example-mistake.ts'
import { openGraphModel } from './graph-model.ts'
import { openLayersModel } from './layers-model.ts'
import type { OpenModel } from './open-model.ts'
import { loadRuntime, type Runtime } from './runtime.ts'
import { openSavedModel } from './saved-model.ts'
import { fromTf, toTf } from './tensors.ts'

/** SavedModels and tfjs models on tfjs-node. */
export const tensorflowBackend: Backend = { name: 'tensorflow', load }

type Open = (tf: Runtime, place: string) => Promise<OpenModel>

const OPENERS: Partial<Record<BackendOptions['format'], Open>> = {
  'saved-model': openSavedModel,
  'tfjs-graph': openGraphModel,
  'tfjs-layers': openLayersModel,
}

async function load({ dir, entry, format, device, threads }: BackendOptions): Promise<LoadedModel> {
  const { tf, device: usedDevice, notice } = loadRuntime(device, threads)
  const open = OPENERS[format]
  if (open === undefined) {
    throw new CutoverError('FORMAT_UNSUPPORTED', `the TensorFlow engine opens no ${format}`)
  }
  const model = await opened(tf, open, path.join(dir, entry))
  return {
    signature: model.signature,
    otherSignatures: model.otherSignatures,
    device: usedDevice,
    deviceNotice: notice,
    runtime: `tfjs-node ${tf.version['tfjs-node']}`,
    run: (inputs, options) => run(tf, model, inputs, options),
    close: () => {
      model.close()
      return Promise.resolve()
    },
  }
}

async function opened(tf: Runtime, open: Open, place: string): Promise<OpenModel> {
  try {
    return await open(tf, place)
  } catch (error) {
    if (error instanceof CutoverError) throw error
    throw new CutoverError(
      'MODEL_UNLOADABLE',
      `TensorFlow does not open the model: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

async function run(
  tf: Runtime,
  model: OpenModel,
  inputs: NamedTensors,
  options: RunOptions,
): Promise<NamedTensors> {
  const wanted = signatureNamed(model, options.signature).outputs.filter(
    ({ name }) => options.outputs?.includes(name) ?? true,
  )
  const given = new Map<string, TfTensor>()
  let results = new Map<string, TfTensor>()
  try {
    for (const [name, tensor] of inputs) given.set(name, toTf(tf, name, tensor))
    results = await model.run(
      given,
      wanted.map(({ name }) => name),
      options.signature,
    )
    const outputs = new Map<string, Tensor>()
    for (const { name } of wanted) {
      const result = results.get(name)
      if (result !== undefined) outputs.set(name, await fromTf(name, result))
    }
    return outputs
  } catch (error) {
    const mistake = exampleMistake(error)
    if (mistake === undefined) throw error
    const names = [...inputs.keys()].join(', ')
    throw new CutoverError(
      'TENSOR_INVALID',
      `input ${names} is not what the model parses: ${mistake}`,
    )
  } finally {
    for (const tensor of [...given.values(), ...results.values()]) tensor.dispose()
  }
}

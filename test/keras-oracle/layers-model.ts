import { Dataset, File, Group, ready } from 'h5wasm/node'

import type { Runtime } from '../../src/worker/backends/tensorflow/runtime.ts'

type Artifacts = Parameters<Runtime['io']['fromMemory']>[0]

/** A tf_keras HDF5 file in the form that TensorFlow.js loads: it is nearly the same. */
export async function layersModelOf(file: string): Promise<Artifacts> {
  await ready
  const opened = new File(file, 'r')
  try {
    const weightSpecs: { name: string; shape: number[]; dtype: 'float32' }[] = []
    const values: Float32Array[] = []
    for (const layer of strings(opened.get('model_weights'), 'layer_names')) {
      const group = opened.get(`model_weights/${layer}`)
      for (const name of strings(group, 'weight_names')) {
        const dataset = opened.get(`model_weights/${layer}/${name}`)
        if (!(dataset instanceof Dataset)) throw new TypeError(`${name} is no dataset`)
        const shape = dataset.shape ?? []
        weightSpecs.push({ name: name.replace(/:0$/, ''), shape, dtype: 'float32' })
        values.push(Float32Array.from(dataset.value as Float32Array))
      }
    }
    return {
      modelTopology: {
        keras_version: '2.12.0',
        backend: 'tensorflow',
        model_config: JSON.parse(opened.attrs['model_config']?.value as string) as object,
      },
      weightSpecs,
      weightData: Uint8Array.from(Buffer.concat(values.map(bytesOf))).buffer,
    }
  } finally {
    opened.close()
  }
}

function strings(group: unknown, name: string): string[] {
  return group instanceof Group ? ((group.attrs[name]?.value ?? []) as string[]) : []
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { File as Hdf5, ready } from 'h5wasm/node'

import { writeZip } from '../keras-oracle/stored-zip.ts'

const CONFIG = {
  class_name: 'Sequential',
  config: {
    name: 'model',
    layers: [
      { class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 1] } },
      { class_name: 'Activation', config: { name: 'a', activation: 'relu' } },
    ],
  },
}

/** A .keras file whose weights, of which its model has none, are stored or deflated. */
export async function smallArchive(dir: string, deflated = false): Promise<string> {
  await ready
  const weights = path.join(dir, 'weights.h5')
  new Hdf5(weights, 'w').close()
  const file = path.join(dir, 'model.keras')
  const entries = new Map([
    ['config.json', Buffer.from(JSON.stringify(CONFIG))],
    ['metadata.json', Buffer.from('{"keras_version":"2.15.0"}')],
    ['model.weights.h5', readFileSync(weights)],
  ])
  writeFileSync(file, writeZip(entries, deflated))
  return file
}

import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { File as Hdf5, ready } from 'h5wasm/node'

const COLLECTION_BYTES = 4096

/**
 * A file whose configuration the HDF5 library reads for ever: the heap of its texts holds zeros.
 * Without `padding`, elements before the heap, it lies at the start of the file.
 */
export async function endlessH5(dir: string, padding = 2 ** 19): Promise<string> {
  await ready
  const file = path.join(dir, 'endless.h5')
  const hdf5 = new Hdf5(file, 'w')
  if (padding > 0) hdf5.create_dataset({ name: 'padding', data: new Float32Array(padding) })
  hdf5.create_attribute('model_config', '{}')
  hdf5.close()
  const bytes = readFileSync(file)
  const heap = bytes.indexOf('GCOL')
  // What follows the heap's header and its first object, which is 2 bytes long.
  bytes.fill(0, heap + 16 + 16 + 8, heap + COLLECTION_BYTES)
  writeFileSync(file, bytes)
  return file
}

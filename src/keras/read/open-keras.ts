import { closeSync, openSync, readSync, rmSync } from 'node:fs'

import { isObject } from '../config/json.ts'
import type { Model } from '../config/model.ts'
import { unloadable } from '../failure.ts'
import { checkpointWeights } from './checkpoint-weights.ts'
import { Hdf5File } from './hdf5-file.ts'
import { legacyWeights } from './legacy-weights.ts'
import type { SlotsOf, Weights } from './weights.ts'

const HDF5 = '894844460d0a1a0a'
const ZIP = '504b0304'

/** A Keras file of either format. */
export interface KerasFile {
  /** The model's configuration: JSON. */
  readonly config: string
  /** 2 for TensorFlow's Keras, 3 for Keras 3. */
  readonly kerasMajor: number
  weights(model: Model, slotsOf: SlotsOf): Weights
  close(): void
}

/** Opens a file by what it begins with, not by its name. Throws MODEL_UNLOADABLE. */
export async function openKeras(source: string, dir: string): Promise<KerasFile> {
  const start = startOf(source, 8)
  if (start === HDF5) return openHdf5(source)
  if (start.startsWith(ZIP)) return openArchive(source, dir)
  throw unloadable(
    start === ''
      ? 'the file is empty'
      : 'the file is no Keras model: it begins neither as HDF5 (.h5) nor as an archive (.keras)',
  )
}

async function openHdf5(source: string): Promise<KerasFile> {
  const file = await Hdf5File.open(source, 'the .h5 file')
  try {
    const config = file.attribute('', 'model_config')
    if (typeof config !== 'string') throw withoutModel(file)
    const version = file.attribute('', 'keras_version')
    return {
      config,
      kerasMajor: majorOf(version),
      weights: (model, slotsOf) => {
        if (file.children('model_weights') === undefined) {
          throw unloadable('the .h5 file has the model but no weights: save it with model.save()')
        }
        return legacyWeights(file, model, slotsOf)
      },
      close: () => file.close(),
    }
  } catch (error) {
    file.close()
    throw error
  }
}

/** Says what an HDF5 file without a model is, as far as one can see. */
function withoutModel(file: Hdf5File): Error {
  const names = file.children('') ?? []
  const isWeights =
    file.names('', 'layer_names').length > 0 ||
    ['layers', '_layer_checkpoint_dependencies', 'vars'].some((name) => names.includes(name))
  return unloadable(
    isWeights
      ? 'the .h5 file holds weights only (model.save_weights): save the whole model with model.save()'
      : 'the .h5 file is no Keras model: it has no model_config',
  )
}

async function openArchive(source: string, dir: string): Promise<KerasFile> {
  // Most files are .h5, which need nothing of zip.
  const { unpack } = await import('./keras-archive.ts')
  const { config, weights, metadata } = await unpack(source, dir)
  if (weights === undefined) {
    throw unloadable('the .keras archive has no model.weights.h5: its weights are missing')
  }
  const file = await Hdf5File.open(weights, 'model.weights.h5 of the archive')
  // It stays readable while it is open, and nothing is left of it if this process is killed.
  rmSync(weights, { force: true })
  return {
    config,
    kerasMajor: majorOf(metadata === undefined ? undefined : versionIn(metadata)),
    weights: (model, slotsOf) => checkpointWeights(file, model, slotsOf),
    close: () => file.close(),
  }
}

function versionIn(metadata: string): unknown {
  try {
    const json: unknown = JSON.parse(metadata)
    return isObject(json) ? json['keras_version'] : undefined
  } catch {
    return undefined
  }
}

function majorOf(version: unknown): number {
  const major = typeof version === 'string' ? Number.parseInt(version, 10) : NaN
  return major >= 3 ? 3 : 2
}

function startOf(file: string, bytes: number): string {
  const start = Buffer.alloc(bytes)
  const fd = openSync(file, 'r')
  try {
    return start.subarray(0, readSync(fd, start, 0, bytes, 0)).toString('hex')
  } finally {
    closeSync(fd)
  }
}

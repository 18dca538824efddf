import type { Layer, Model } from '../config/model.ts'
import type { WeightSlot } from '../layers/weight-slot.ts'
import type { Hdf5File } from './hdf5-file.ts'
import type { StoredTensor } from './stored-tensor.ts'
import type { SlotsOf, Weights } from './weights.ts'

const ROOT = 'model_weights'

interface Wanted {
  readonly layer: Layer
  readonly slot: WeightSlot
  readonly trainable: boolean
}

/**
 * Finds variables in an .h5 file. Each layer of the model has a group with the list of its
 * variables; one of a nested model lists those of all layers in it, first those that are trained.
 */
export function legacyWeights(file: Hdf5File, model: Model, slotsOf: SlotsOf): Weights {
  const found = new Map<Layer, Map<string, StoredTensor>>()
  for (const layer of model.layers) {
    const wanted = wantedOf(layer, true, slotsOf)
    if (wanted.length === 0) continue
    const group = `${ROOT}/${layer.name}`
    const names = file.names(group, 'weight_names')
    const place = (at: Wanted, name: string | undefined) => {
      const tensor = name === undefined ? undefined : file.tensor(`${group}/${name}`)
      if (tensor === undefined) return
      const variables = found.get(at.layer) ?? new Map<string, StoredTensor>()
      found.set(at.layer, variables.set(at.slot.key, tensor))
    }
    const byName = layer.model === undefined ? undefined : matchNames(wanted, names)
    const ordered = byName === undefined ? inOrderOfTraining(wanted) : []
    if (byName !== undefined) for (const [at, name] of byName) place(at, name)
    ordered.forEach((at, index) => place(at, names[index]))
  }
  return found
}

/** Of a layer, or of all layers of a model that is used as one. */
function wantedOf(layer: Layer, trainable: boolean, slotsOf: SlotsOf): Wanted[] {
  const isTrained = trainable && layer.trainable
  if (layer.model !== undefined) {
    return layer.model.layers.flatMap((inner) => wantedOf(inner, isTrained, slotsOf))
  }
  return slotsOf(layer).map((slot) => ({ layer, slot, trainable: isTrained && slot.trainable }))
}

function inOrderOfTraining(wanted: readonly Wanted[]): Wanted[] {
  return [...wanted.filter((one) => one.trainable), ...wanted.filter((one) => !one.trainable)]
}

/**
 * Pairs variables with names like `block/conv/kernel:0`, which hold the layer's name and the
 * variable's. Undefined where that is not one to one: layers of two nested models may share names.
 */
function matchNames(
  wanted: readonly Wanted[],
  names: readonly string[],
): ReadonlyMap<Wanted, string> | undefined {
  const candidates = new Map<string, string[]>()
  for (const name of names) {
    const segments = name.replace(/:\d+$/, '').split('/')
    const last = segments.at(-1) ?? ''
    const owners = new Set(segments.slice(0, -1))
    // A layer's own name may hold slashes.
    for (let from = 0; from < segments.length - 1; from++) {
      for (let to = from + 2; to < segments.length; to++) {
        owners.add(segments.slice(from, to).join('/'))
      }
    }
    for (const owner of owners) {
      const key = `${owner}\0${last}`
      candidates.set(key, [...(candidates.get(key) ?? []), name])
    }
  }
  const pairs = new Map<Wanted, string>()
  for (const one of wanted) {
    const key = `${one.layer.name}\0${one.slot.key.slice(one.slot.key.lastIndexOf('/') + 1)}`
    const [name, ...others] = candidates.get(key) ?? []
    if (name === undefined || others.length > 0) return undefined
    pairs.set(one, name)
  }
  return new Set(pairs.values()).size === pairs.size ? pairs : undefined
}

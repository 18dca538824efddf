import type { Layer, Model } from '../config/model.ts'
import type { Hdf5File } from './hdf5-file.ts'
import type { StoredTensor } from './stored-tensor.ts'
import type { SlotsOf, Weights } from './weights.ts'

/**
 * Finds variables in the model.weights.h5 of a .keras archive. It follows the attributes of
 * Python objects: layers/dense_1/vars/0 is the first variable of the second Dense in the model's
 * list of layers, whatever that layer's name is.
 */
export function checkpointWeights(file: Hdf5File, model: Model, slotsOf: SlotsOf): Weights {
  const found = new Map<Layer, Map<string, StoredTensor>>()
  const visit = (inner: Model, prefix: string) => {
    const container = containerIn(file, prefix)
    const counts = new Map<string, number>()
    for (const layer of inner.layers) {
      if (isOperation(layer)) continue
      const name = numbered(nameOf(layer), counts)
      const path = `${container}/${name}`
      if (layer.model !== undefined) visit(layer.model, path)
      else found.set(layer, variablesOf(file, layer, path, slotsOf))
    }
  }
  visit(model, '')
  return found
}

/** Releases 2.12 and 2.13 called it otherwise. */
function containerIn(file: Hdf5File, prefix: string): string {
  const names = ['layers', '_layer_checkpoint_dependencies'].map((name) => `${prefix}/${name}`)
  return names.find((name) => file.children(name) !== undefined) ?? `${prefix}/layers`
}

function variablesOf(
  file: Hdf5File,
  layer: Layer,
  path: string,
  slotsOf: SlotsOf,
): Map<string, StoredTensor> {
  const found = new Map<string, StoredTensor>()
  for (const { key, owner, index } of slotsOf(layer)) {
    for (const place of placesOf(owner)) {
      const tensor = file.tensor(`${path}${place}/vars/${index}`)
      if (tensor === undefined) continue
      found.set(key, tensor)
      break
    }
  }
  return found
}

/** An attribute may be known by a public name, a private one, or both. */
function placesOf(owner: string): string[] {
  if (owner === '') return ['']
  return owner
    .split('/')
    .reduce<string[]>(
      (places, attribute) =>
        places.flatMap((place) => [`${place}/${attribute}`, `${place}/_${attribute}`]),
      [''],
    )
}

/** Operations that a Functional model recorded are no layers to Keras. */
export function isOperation({ module }: Layer): boolean {
  return module !== undefined && /\.ops(\.|$)/.test(module)
}

/** Python's name of the class, which is not always the one that Keras exports. */
function nameOf({ className }: Layer): string {
  const plain = className.slice(className.lastIndexOf('>') + 1)
  return snakeCase(plain === 'GroupQueryAttention' ? 'GroupedQueryAttention' : plain)
}

function numbered(name: string, counts: Map<string, number>): string {
  const count = counts.get(name)
  counts.set(name, count === undefined ? 0 : count + 1)
  return count === undefined ? name : `${name}_${count + 1}`
}

/** As keras.src.utils.naming.to_snake_case does: `Conv2DTranspose` is `conv2d_transpose`. */
export function snakeCase(className: string): string {
  return className
    .replaceAll(/\W+/g, '')
    .replaceAll(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
}

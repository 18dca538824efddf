import type { LayerConfig } from '../config/layer-config.ts'

/** A variable that a layer has. */
export interface WeightSlot {
  /** What the layer's compiler calls it: `kernel`, `cell/kernel`. */
  readonly key: string
  /** The attribute that holds the object that owns it, '' for the layer itself: `cell`. */
  readonly owner: string
  /** Its place among the variables of that object. */
  readonly index: number
  readonly trainable: boolean
}

/** Variables of the layer itself, in order; what is undefined does not exist. */
export function own(...keys: readonly (string | false)[]): WeightSlot[] {
  const names = keys.filter((key) => key !== false)
  return names.map((key, index) => ({ key, owner: '', index, trainable: true }))
}

/** Variables that training does not change, after those that it does. */
export function withState(slots: readonly WeightSlot[], ...keys: readonly string[]): WeightSlot[] {
  const state = keys.map((key, at) => ({
    key,
    owner: '',
    index: slots.length + at,
    trainable: false,
  }))
  return [...slots, ...state]
}

/** Variables of an object that the layer holds in an attribute. */
export function within(attribute: string, slots: readonly WeightSlot[]): WeightSlot[] {
  return slots.map(({ key, owner, index, trainable }) => ({
    key: `${attribute}/${key}`,
    owner: owner === '' ? attribute : `${attribute}/${owner}`,
    index,
    trainable,
  }))
}

export function hasBias(config: LayerConfig): boolean {
  return config.boolean('use_bias', true)
}

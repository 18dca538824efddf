import type { Layer } from '../config/model.ts'
import type { WeightSlot } from '../layers/weight-slot.ts'
import type { StoredTensor } from './stored-tensor.ts'

/** The variables of each layer, by their keys. */
export type Weights = ReadonlyMap<Layer, ReadonlyMap<string, StoredTensor>>

export type SlotsOf = (layer: Layer) => readonly WeightSlot[]

import type { LayerConfig } from '../config/layer-config.ts'
import type { Layer, Slice } from '../config/model.ts'
import type { GraphBuilder } from '../graph/builder.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { StoredTensor } from '../read/stored-tensor.ts'
import type { WeightSlot } from './weight-slot.ts'

/** What a layer was called with, tensors in place of references to them. */
export type Value =
  | Tensor
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | { readonly range: { readonly [K in keyof Slice]: Value } }

export type Result = Tensor | readonly Tensor[]

/** One call of a layer. */
export interface LayerCall {
  readonly graph: GraphBuilder
  /** 2 for TensorFlow's Keras, 3 for Keras 3: a few functions differ. */
  readonly kerasMajor: number
  readonly layer: Layer
  readonly config: LayerConfig
  /** The tensors of the first argument. */
  readonly inputs: readonly Tensor[]
  readonly args: readonly Value[]
  readonly kwargs: ReadonlyMap<string, Value>
  /**
   * A variable of the layer, which must have this shape (null: any size). Throws
   * MODEL_UNLOADABLE when the file lacks it.
   */
  weight(key: string, shape: readonly (number | null)[]): StoredTensor
  /** Calls a layer that lies in this one; its variables are found below `key`. */
  inner(
    key: string,
    layer: Layer,
    inputs: readonly Tensor[],
    kwargs?: ReadonlyMap<string, Value>,
  ): Result
  readonly warn: (sentence: string) => void
}

/** How one class of layers is compiled. */
export interface LayerKind {
  /** Its variables, in the order in which Keras made them. */
  readonly weights?: (layer: Layer) => readonly WeightSlot[]
  lower(call: LayerCall): Result
}

export type LayerKinds = Readonly<Record<string, LayerKind>>

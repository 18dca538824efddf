import type { LayerConfig } from './layer-config.ts'

/** A model as its file describes it: layers, and which tensors go from one to the other. */
export interface Model {
  readonly name: string
  readonly className: string
  readonly layers: readonly Layer[]
  readonly inputs: readonly NamedReference[]
  readonly outputs: readonly NamedReference[]
}

export interface Layer {
  readonly name: string
  readonly className: string
  /** Where Keras found the class; undefined in files that do not say. */
  readonly module: string | undefined
  readonly trainable: boolean
  readonly config: LayerConfig
  /** A layer may be called several times; each call makes tensors of its own. */
  readonly calls: readonly Call[]
  /** How references count its first call: a nested model was called once before, when it was made. */
  readonly firstCall: number
  /** A model that is used as a layer. */
  readonly model?: Model | undefined
}

export interface Call {
  readonly args: readonly Argument[]
  readonly kwargs: ReadonlyMap<string, Argument>
}

/** One of the tensors that a call of a layer made. */
export interface TensorReference {
  readonly kind: 'tensor'
  readonly layer: string
  readonly call: number
  readonly tensor: number
}

export interface NamedReference extends TensorReference {
  /** What the model's own clients call it. */
  readonly name: string
}

export type Argument =
  | TensorReference
  | { readonly kind: 'list'; readonly items: readonly Argument[] }
  | { readonly kind: 'map'; readonly entries: ReadonlyMap<string, Argument> }
  | { readonly kind: 'literal'; readonly value: Literal }

export type Literal = null | boolean | number | string | Slice

/** Python's `start:stop:step`. */
export interface Slice {
  readonly start: Argument
  readonly stop: Argument
  readonly step: Argument
}

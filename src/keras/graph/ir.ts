import type { DType } from '../../domain/tensor.ts'

/** A fixed size, or null: known when the model runs. */
export type Dim = number | null

/** The elements of a constant, little-endian in row-major order, made when they are asked for. */
export interface Constant {
  readonly bytes: number
  /** Each load makes them anew: they belong to the caller, who may change them. */
  readonly isFresh: boolean
  load(): ArrayBufferView
}

/** What a node takes or gives: a tensor with a name. */
export interface Value {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly Dim[]
  readonly constant?: Constant | undefined
}

export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }

export type Attributes = Readonly<Record<string, Attribute>>

/** An operator of ONNX's default set, at the version that encode-model.ts declares. */
export interface Node {
  readonly op: string
  readonly name: string
  /** Undefined where an optional input is left out. */
  readonly inputs: readonly (Value | undefined)[]
  readonly outputs: readonly Value[]
  readonly attributes: Attributes
}

/** Nodes in an order in which each comes after those that make its inputs. */
export interface Graph {
  readonly name: string
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  readonly nodes: readonly Node[]
}

export const int = (value: number): Attribute => ({ kind: 'int', value })
export const float = (value: number): Attribute => ({ kind: 'float', value })
export const string = (value: string): Attribute => ({ kind: 'string', value })
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value })
export const strings = (value: readonly string[]): Attribute => ({ kind: 'strings', value })

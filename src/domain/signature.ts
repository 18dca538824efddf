import type { DType } from './tensor.ts'

/** A fixed size, a symbolic size that has a name, or null: unknown until a request comes. */
export type Dimension = number | string | null

export interface TensorSpec {
  readonly name: string
  readonly dtype: DType
  /** Null when even the rank is unknown. */
  readonly shape: readonly Dimension[] | null
}

/** What a loaded model takes and gives, in the model's own order. */
export interface Signature {
  readonly inputs: readonly TensorSpec[]
  readonly outputs: readonly TensorSpec[]
}

/** `float32[batch, 224, 224, 3]`, for messages and listings. */
export function describeSpec(spec: TensorSpec): string {
  const shape = spec.shape === null ? '?' : spec.shape.map((d) => d ?? '?').join(', ')
  return `${spec.name}: ${spec.dtype}[${shape}]`
}

/**
 * Whether the first dimension of every tensor is a batch: its size is open in all of them, and it
 * is called one or is the only open size of its tensor. Two open sizes may be rows and columns.
 */
export function isBatched({ inputs, outputs }: Signature): boolean {
  return [...inputs, ...outputs].every(({ shape }) => {
    const [first, ...rest] = shape ?? []
    if (first === undefined || typeof first === 'number') return false
    const isNamed = first !== null && BATCH_NAME.test(first)
    return isNamed || rest.every((size) => typeof size === 'number')
  })
}

const BATCH_NAME = /batch|^n$/i

import { CutoverError } from './errors.ts'
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

/** What TensorFlow calls the signature that answers when a request names none. */
export const DEFAULT_SIGNATURE = 'serving_default'

export interface NamedSignature extends Signature {
  readonly name: string
}

/** What a model can be asked: its signature, and others by name where it has several. */
export interface Signatures {
  readonly signature: Signature
  readonly otherSignatures?: readonly NamedSignature[] | undefined
}

/** Absent names the default. Throws TENSOR_INVALID, saying what there is, for an unknown one. */
export function signatureNamed(model: Signatures, name: string | undefined): Signature {
  if (name === undefined || name === DEFAULT_SIGNATURE) return model.signature
  const others = model.otherSignatures ?? []
  const signature = others.find((other) => other.name === name)
  if (signature !== undefined) return signature
  const names = [DEFAULT_SIGNATURE, ...others.map((other) => other.name)].join(', ')
  throw new CutoverError('TENSOR_INVALID', `there is no signature ${name}; the model has ${names}`)
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
    if (!isOpen(first)) return false
    const isNamed = first !== null && BATCH_NAME.test(first)
    return isNamed || rest.every((size) => typeof size === 'number')
  })
}

/** Whether the first dimension can be a batch: every tensor has one, and its size is open. */
export function isBatchable({ inputs, outputs }: Signature): boolean {
  return [...inputs, ...outputs].every(({ shape }) => isOpen(shape?.[0]))
}

function isOpen(dimension: Dimension | undefined): dimension is string | null {
  return dimension !== undefined && typeof dimension !== 'number'
}

const BATCH_NAME = /batch|^n$/i

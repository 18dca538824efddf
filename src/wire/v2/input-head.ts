import { CutoverError } from '../../domain/errors.ts'
import type { DType } from '../../domain/tensor.ts'
import { dtypeOf } from './datatype.ts'
import { RANK_MAX } from './limits.ts'

/** What a request says of an input besides its data. */
export interface InputHead {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
}

/** Throws TENSOR_INVALID when something is missing, or the datatype is none. */
export function inputHead(
  index: number,
  given: {
    readonly name: string | undefined
    readonly datatype: string | undefined
    readonly shape: readonly number[] | undefined
  },
): InputHead {
  const { name, datatype, shape } = given
  if (name === undefined) throw invalid(`inputs[${index}] has no name`)
  if (datatype === undefined) throw invalid(`input ${name} has no datatype`)
  if (shape === undefined) throw invalid(`input ${name} has no shape`)
  const dtype = dtypeOf(datatype)
  if (dtype === undefined) throw invalid(`input ${name}: ${datatype} is not a datatype`)
  return { name, dtype, shape }
}

/** Throws TENSOR_INVALID unless it is a size, NaN being none, and not one too many. */
export function checkSize(label: string, axis: number, size: number): void {
  if (axis >= RANK_MAX) throw invalid(`input ${label}: more than ${RANK_MAX} dimensions`)
  if (!Number.isSafeInteger(size) || size < 0) {
    throw invalid(`input ${label}: shape[${axis}] is not a size from 0 to 2^53 - 1`)
  }
}

/** Throws TENSOR_INVALID unless there are as many elements as the shape says. */
export function checkCount({ name, shape }: InputHead, count: number, given: number): void {
  if (given === count) return
  throw invalid(
    `input ${name}: the shape [${shape.join(', ')}] has ${count} elements, data has ${given}`,
  )
}

export function givenTwice(name: string): CutoverError {
  return invalid(`input ${name} is given twice`)
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('TENSOR_INVALID', sentence)
}

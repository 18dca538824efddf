import { CutoverError } from '../../../domain/errors.ts'
import type { Dimension, TensorSpec } from '../../../domain/signature.ts'
import { type DType, isDType } from '../../../domain/tensor.ts'
import { CARRIED } from './tensors.ts'

const OTHER_NAMES: Readonly<Record<string, DType>> = {
  DT_FLOAT: 'float32',
  DT_DOUBLE: 'float64',
  DT_HALF: 'float16',
}

/** `DT_INT64`, as SavedModels have it, or `int32`, as tfjs has it. */
function dtypeOf(name: string, dtype: string): DType {
  const known = OTHER_NAMES[dtype] ?? dtype.toLowerCase().replace(/^dt_/, '')
  if (!isDType(known) || !CARRIED.has(known)) {
    throw new CutoverError(
      'MODEL_UNLOADABLE',
      `${name} is ${known}, which tfjs-node does not carry`,
    )
  }
  return known
}

/**
 * The spec of an input or output. Dimensions are numbers, null or -1 where they are dynamic, or
 * the protobuf objects of a SavedModel. tfjs-node shows an unknown rank as one of no dimensions,
 * so that is taken for unknown: a scalar fits it, too.
 */
export function specOf(
  name: string,
  dtype: string | undefined,
  dimensions: readonly unknown[] | undefined,
): TensorSpec {
  const shape =
    dimensions === undefined || dimensions.length === 0 ? null : dimensions.map(dimensionOf)
  // tfjs does not always know it of an output; it computes in float32.
  return { name, dtype: dtypeOf(name, dtype ?? 'float32'), shape }
}

function dimensionOf(dimension: unknown): Dimension {
  const size = isProtobufDimension(dimension) ? dimension.getSize() : dimension
  return typeof size === 'number' && size >= 0 ? size : null
}

function isProtobufDimension(value: unknown): value is { getSize(): number } {
  return typeof value === 'object' && value !== null && 'getSize' in value
}

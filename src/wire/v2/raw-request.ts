import type { Buffer } from 'node:buffer'

import { CutoverError } from '../../domain/errors.ts'
import { isBatched, type Signature } from '../../domain/signature.ts'
import { bytesPerElement, elementCount, type NamedTensors } from '../../domain/tensor.ts'
import { packBytes } from '../../domain/tensor-strings.ts'

/**
 * The input of a request that is nothing but its data: a batch of one, and where one more size is
 * open it follows from the length. Throws TENSOR_INVALID when the model takes several inputs or
 * the length fits no shape.
 */
export function rawInput(signature: Signature, body: Buffer): NamedTensors {
  const [spec, second] = signature.inputs
  if (spec === undefined || second !== undefined) {
    throw new CutoverError(
      'TENSOR_INVALID',
      `the model takes ${signature.inputs.length} inputs: only that of a model with one can be ` +
        'the whole body (Inference-Header-Content-Length: 0)',
    )
  }
  const { name, dtype } = spec
  const batched = isBatched(signature)
  const sizes = (spec.shape ?? [null]).map((size, axis) => (batched && axis === 0 ? 1 : size))
  const known = elementCount(sizes.filter((size) => typeof size === 'number'))
  const isString = dtype === 'string'
  // A string has no size of its own: the body is one.
  const count = isString ? 1 : body.length / bytesPerElement(dtype)
  const open = sizes.filter((size) => typeof size !== 'number').length
  const shape = sizes.map((size) => (typeof size === 'number' ? size : count / known))
  if (open > 1 || !shape.every(Number.isSafeInteger) || elementCount(shape) !== count) {
    throw new CutoverError(
      'TENSOR_INVALID',
      `input ${name}: ${body.length} bytes are no ${dtype}[${sizes.map((d) => d ?? '?').join(', ')}]`,
    )
  }
  const data = isString ? packBytes([body]) : body
  return new Map([[name, { dtype, shape, data }]])
}

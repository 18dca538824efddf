import type { Tensor as TfTensor } from '@tensorflow/tfjs-node'

import { CutoverError } from '../../../domain/errors.ts'
import type { DType, Tensor } from '../../../domain/tensor.ts'
import { packBytes, unpackBytes } from '../../../domain/tensor-strings.ts'
import type { Runtime } from './runtime.ts'

/** The dtypes that tfjs-node carries in both directions, but for uint8 and int64: see below. */
export const CARRIED: ReadonlySet<DType> = new Set([
  'float32',
  'int32',
  'bool',
  'string',
  'int64',
  'uint8',
])

/**
 * A tensor of tfjs; the caller disposes of it. int64 and uint8 travel as int32, which is what
 * tfjs-node makes of them again for the model: throws TENSOR_INVALID for an int64 that does not fit.
 */
export function toTf(tf: Runtime, name: string, { dtype, shape, data }: Tensor): TfTensor {
  const dims = [...shape]
  switch (dtype) {
    case 'float32':
      return tf.tensor(new Float32Array(aligned(data)), dims, 'float32')
    case 'int32':
      return tf.tensor(new Int32Array(aligned(data)), dims, 'int32')
    case 'bool':
      return tf.tensor(new Uint8Array(aligned(data)), dims, 'bool')
    case 'uint8':
      return tf.tensor(Int32Array.from(data), dims, 'int32')
    case 'int64':
      return tf.tensor(narrowed(name, new BigInt64Array(aligned(data))), dims, 'int32')
    case 'string':
      return tf.tensor(unpackBytes(data), dims, 'string')
    default:
      throw new CutoverError('TENSOR_INVALID', `input ${name}: tfjs-node carries no ${dtype}`)
  }
}

/**
 * The bytes of an output. What it holds tells its dtype: tfjs-node calls an int64 an int32, and
 * gives a BigInt64Array, which its types do not say.
 */
export async function fromTf(name: string, tensor: TfTensor): Promise<Tensor> {
  const { shape } = tensor
  if (tensor.dtype === 'string') {
    return { dtype: 'string', shape, data: packBytes([await tensor.bytes()].flat()) }
  }
  const values: unknown = await tensor.data()
  const dtype = dtypeHeld(tensor.dtype, values)
  if (dtype === undefined) {
    throw new CutoverError(
      'OUTPUT_INVALID',
      `output ${name} is ${tensor.dtype}, which is not carried`,
    )
  }
  const { buffer, byteOffset, byteLength } = values as Float32Array
  return { dtype, shape, data: new Uint8Array(buffer, byteOffset, byteLength) }
}

function dtypeHeld(dtype: string, values: unknown): DType | undefined {
  if (values instanceof Float32Array) return 'float32'
  if (values instanceof Int32Array) return 'int32'
  if (values instanceof BigInt64Array) return 'int64'
  if (values instanceof Uint8Array) return dtype === 'bool' ? 'bool' : 'uint8'
  return undefined
}

/** A copy of the bytes in memory of their own, which any element type can view. */
function aligned(data: Uint8Array): ArrayBuffer {
  return new Uint8Array(data).buffer
}

function narrowed(name: string, values: BigInt64Array): Int32Array {
  const narrow = new Int32Array(values.length)
  for (const [i, value] of values.entries()) {
    narrow[i] = Number(value)
    if (BigInt(narrow[i] ?? 0) !== value) {
      throw new CutoverError(
        'TENSOR_INVALID',
        `input ${name}: element ${i} is ${value}; tfjs-node carries int64 of 32 bits only`,
      )
    }
  }
  return narrow
}

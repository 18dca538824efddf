import type { Tensor as OrtTensor } from 'onnxruntime-node'

import { CutoverError } from '../../../domain/errors.ts'
import { type DType, isDType, type Tensor } from '../../../domain/tensor.ts'
import { packStrings, unpackStrings } from '../../../domain/tensor-strings.ts'
import type { Runtime } from './runtime.ts'

const ARRAYS = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  float16: Uint16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float64: Float64Array,
} as const

/** A view of the tensor's bytes where they are aligned, else of a copy. */
export function toOrt(runtime: Runtime, name: string, tensor: Tensor): OrtTensor {
  const { dtype, shape, data } = tensor
  if (dtype === 'string') {
    const strings = unpackStrings(data)
    const bad = strings.findIndex((element) => element.includes('\0'))
    if (bad >= 0) {
      throw new CutoverError(
        'TENSOR_INVALID',
        `input ${name}: element ${bad} holds a NUL byte, which the ONNX runtime cuts strings at`,
      )
    }
    return new runtime.Tensor('string', strings, shape)
  }
  const typedArray = ARRAYS[dtype]
  const size = typedArray.BYTES_PER_ELEMENT
  const aligned = data.byteOffset % size === 0 ? data : new Uint8Array(data)
  const buffer = aligned.buffer as ArrayBuffer
  const view = new typedArray(buffer, aligned.byteOffset, aligned.byteLength / size)
  return new runtime.Tensor(dtype as 'float32', view as Float32Array, shape)
}

export function fromOrt(name: string, tensor: OrtTensor): Tensor {
  const dtype: string = tensor.type
  if (!isDType(dtype)) {
    throw new CutoverError('OUTPUT_INVALID', `output ${name} has the type ${dtype}`)
  }
  return { dtype, shape: tensor.dims, data: bytesOf(dtype, tensor) }
}

function bytesOf(dtype: DType, { data }: OrtTensor): Uint8Array {
  if (dtype === 'string') return packStrings(data as string[])
  const { buffer, byteOffset, byteLength } = data as Float32Array
  return new Uint8Array(buffer, byteOffset, byteLength)
}

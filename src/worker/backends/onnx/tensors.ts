import type { Tensor as OrtTensor } from 'onnxruntime-node'

import { CutoverError } from '../../../domain/errors.ts'
import { type DType, isDType, type Tensor } from '../../../domain/tensor.ts'
import { packStrings, unpackStrings } from '../../../domain/tensor-strings.ts'
import { viewOf } from '../../../domain/tensor-view.ts'
import type { Runtime } from './runtime.ts'

/** A view of the tensor's bytes where they are aligned, else of a copy. */
export function toOrt(runtime: Runtime, name: string, tensor: Tensor): OrtTensor {
  const { dtype, shape, data } = tensor
  if (dtype === 'string') {
    const strings = unpackStrings(data, `input ${name}`)
    const bad = strings.findIndex((element) => element.includes('\0'))
    if (bad >= 0) {
      throw new CutoverError(
        'TENSOR_INVALID',
        `input ${name}: element ${bad} holds a NUL byte, which the ONNX runtime cuts strings at`,
      )
    }
    return new runtime.Tensor('string', strings, shape)
  }
  const view = viewOf(dtype, data)
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

import type { NamedTensors } from '../../domain/tensor.ts'
import type { Sliced } from '../../lib/in-slices.ts'
import { writeElements } from '../json/write-elements.ts'
import { datatypeOf } from './datatype.ts'

export interface InferResponse {
  readonly id: string | undefined
  readonly model: string
  readonly version: number
  readonly outputs: NamedTensors
  readonly isBinary: (output: string) => boolean
}

/** JSON, and after it the binary data of outputs, which is not copied. */
export interface EncodedResponse {
  readonly json: string
  readonly binary: readonly Uint8Array[]
}

/** The protocol's form of an answer; throws TENSOR_INVALID when FP16 is to be JSON. */
export function* writeInferResponse(response: InferResponse): Sliced<EncodedResponse> {
  const { id, model, version, outputs, isBinary } = response
  const binary: Uint8Array[] = []
  const idMember = id === undefined ? '' : `"id":${JSON.stringify(id)},`
  const text = [
    `{${idMember}"model_name":${JSON.stringify(model)},"model_version":"${version}","outputs":[`,
  ]
  let separator = ''
  for (const [name, tensor] of outputs) {
    const { dtype, shape, data } = tensor
    text.push(
      `${separator}{"name":${JSON.stringify(name)},"datatype":"${datatypeOf(dtype)}",` +
        `"shape":[${shape.join(',')}],`,
    )
    separator = ','
    if (isBinary(name)) {
      text.push(`"parameters":{"binary_data_size":${data.byteLength}}}`)
      if (data.byteLength > 0) binary.push(data)
    } else {
      text.push('"data":[')
      yield* writeElements(tensor, `output ${name}`, text)
      text.push(']}')
    }
  }
  text.push(']}')
  return { json: text.join(''), binary }
}

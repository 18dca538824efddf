import {
  DEFAULT_SIGNATURE,
  type NamedSignature,
  type Signatures,
  type TensorSpec,
} from '../../domain/signature.ts'
import type { DType } from '../../domain/tensor.ts'

/** TensorFlow's names (tensorflow/core/framework/types.proto). */
const DATA_TYPES: Record<DType, string> = {
  bool: 'DT_BOOL',
  uint8: 'DT_UINT8',
  uint16: 'DT_UINT16',
  uint32: 'DT_UINT32',
  uint64: 'DT_UINT64',
  int8: 'DT_INT8',
  int16: 'DT_INT16',
  int32: 'DT_INT32',
  int64: 'DT_INT64',
  float16: 'DT_HALF',
  float32: 'DT_FLOAT',
  float64: 'DT_DOUBLE',
  string: 'DT_STRING',
}

/** The body of an answer to `/metadata`. */
export function modelMetadata(name: string, version: number, model: Signatures) {
  const signatures = [
    { name: DEFAULT_SIGNATURE, ...model.signature },
    ...(model.otherSignatures ?? []),
  ]
  return {
    model_spec: { name, signature_name: '', version: String(version) },
    metadata: {
      signature_def: {
        signature_def: Object.fromEntries(
          signatures.map((signature) => [signature.name, signatureDef(signature)]),
        ),
      },
    },
  }
}

function signatureDef({ inputs, outputs }: NamedSignature) {
  return {
    inputs: Object.fromEntries(inputs.map((spec) => [spec.name, tensorInfo(spec)])),
    outputs: Object.fromEntries(outputs.map((spec) => [spec.name, tensorInfo(spec)])),
    method_name: 'tensorflow/serving/predict',
  }
}

function tensorInfo({ name, dtype, shape }: TensorSpec) {
  const dim = (shape ?? []).map((size) => ({
    size: String(typeof size === 'number' ? size : -1),
    name: typeof size === 'string' ? size : '',
  }))
  return { dtype: DATA_TYPES[dtype], tensor_shape: { dim, unknown_rank: shape === null }, name }
}

import type { ModelFormat } from '../../domain/manifest.ts'
import type { Signature, TensorSpec } from '../../domain/signature.ts'
import { type Datatype, datatypeOf } from './datatype.ts'

/** The protocol's platform names where it has one. */
const PLATFORMS: Record<ModelFormat, string> = {
  onnx: 'onnx_onnxv1',
  keras: 'tensorflow_keras',
  'saved-model': 'tensorflow_savedmodel',
  'tfjs-graph': 'tensorflow_tfjs_graph',
  'tfjs-layers': 'tensorflow_tfjs_layers',
}

export interface TensorMetadata {
  readonly name: string
  readonly datatype: Datatype
  /** -1: any size. */
  readonly shape: readonly number[]
}

export interface ModelMetadata {
  readonly name: string
  readonly versions: readonly string[]
  readonly platform: string
  readonly inputs: readonly TensorMetadata[]
  readonly outputs: readonly TensorMetadata[]
}

export function modelMetadata(
  name: string,
  versions: readonly number[],
  format: ModelFormat,
  { inputs, outputs }: Signature,
): ModelMetadata {
  return {
    name,
    versions: versions.map(String),
    platform: PLATFORMS[format],
    inputs: inputs.map(tensorMetadata),
    outputs: outputs.map(tensorMetadata),
  }
}

/** The config of the `model_configuration` extension, as far as it has a meaning here. */
export function modelConfig(
  name: string,
  format: ModelFormat,
  { inputs, outputs }: Signature,
  { versionsLoadedMax, engines }: { versionsLoadedMax: number; engines: number },
) {
  return {
    name,
    platform: PLATFORMS[format],
    backend: format === 'onnx' || format === 'keras' ? 'onnxruntime' : 'tensorflow',
    version_policy: { latest: { num_versions: versionsLoadedMax } },
    // The batch is a dimension like the others: `dims` holds it, as -1.
    max_batch_size: 0,
    input: inputs.map(tensorConfig),
    output: outputs.map(tensorConfig),
    instance_group: [{ name, kind: 'KIND_AUTO', count: engines }],
  }
}

function tensorMetadata({ name, dtype, shape }: TensorSpec): TensorMetadata {
  return { name, datatype: datatypeOf(dtype), shape: sizesOf(shape) }
}

function tensorConfig({ name, dtype, shape }: TensorSpec) {
  const datatype = datatypeOf(dtype)
  const type = datatype === 'BYTES' ? 'STRING' : datatype
  return { name, data_type: `TYPE_${type}`, dims: sizesOf(shape) }
}

function sizesOf(shape: TensorSpec['shape']): number[] {
  return (shape ?? []).map((size) => (typeof size === 'number' ? size : -1))
}

import { CutoverError } from './errors.ts'
import { describeSpec, type Signature, type TensorSpec } from './signature.ts'
import { bytesPerElement, elementCount, type NamedTensors, type Tensor } from './tensor.ts'
import { countBytes } from './tensor-strings.ts'

/**
 * Throws TENSOR_INVALID, with a sentence that names the tensor and what was expected, unless the
 * inputs are exactly those of the signature. A runtime meets nothing it would refuse: tfjs-node
 * leaks the inputs of a run that fails, and onnxruntime ignores an input it does not know.
 */
export function checkInputs(signature: Signature, inputs: NamedTensors): void {
  for (const name of inputs.keys()) {
    if (!signature.inputs.some((spec) => spec.name === name)) {
      throw invalid(`there is no input ${name}; the model takes ${describe(signature.inputs)}`)
    }
  }
  // A symbolic size is free, but the same name means the same size everywhere.
  const sizes = new Map<string, { size: number; input: string }>()
  for (const spec of signature.inputs) {
    const tensor = inputs.get(spec.name)
    if (tensor === undefined) throw invalid(`input ${describeSpec(spec)} is missing`)
    checkTensor(spec, tensor)
    for (const [axis, dimension] of (spec.shape ?? []).entries()) {
      if (typeof dimension !== 'string') continue
      const size = tensor.shape[axis] ?? 0
      const known = sizes.get(dimension)
      if (known === undefined) sizes.set(dimension, { size, input: spec.name })
      else if (known.size !== size) {
        throw invalid(
          `input ${spec.name}: ${dimension} is ${size} here and ${known.size} in ${known.input}`,
        )
      }
    }
  }
}

function checkTensor(spec: TensorSpec, { dtype, shape, data }: Tensor): void {
  const given = `${dtype}[${shape.join(', ')}]`
  if (dtype !== spec.dtype) throw invalid(`input ${describeSpec(spec)} was given as ${given}`)
  const fits =
    spec.shape === null ||
    (spec.shape.length === shape.length &&
      spec.shape.every((size, axis) => typeof size !== 'number' || size === shape[axis]))
  if (!fits) throw invalid(`input ${describeSpec(spec)} was given as ${given}`)
  const count = elementCount(shape)
  if (shape.some((size) => !Number.isSafeInteger(size) || size < 0) || count === Infinity) {
    throw invalid(`input ${spec.name}: the shape [${shape.join(', ')}] is not one of a tensor`)
  }
  if (dtype !== 'string' && count * bytesPerElement(dtype) !== data.byteLength) {
    throw invalid(
      `input ${spec.name}: ${given} is ${count * bytesPerElement(dtype)} bytes, not ${data.byteLength}`,
    )
  }
  if (dtype === 'string') checkStrings(spec, given, count, data)
}

/** A runtime is told the shape and the strings apart: the one must be as many as the other. */
function checkStrings(spec: TensorSpec, given: string, count: number, data: Uint8Array): void {
  const strings = countBytes(data)
  if (strings === undefined) {
    throw invalid(`input ${spec.name}: the length of a string goes beyond the data`)
  }
  if (strings !== count) {
    throw invalid(`input ${spec.name}: ${given} has ${count} strings, the data holds ${strings}`)
  }
}

function describe(specs: readonly TensorSpec[]): string {
  return specs.map(describeSpec).join('; ')
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('TENSOR_INVALID', sentence)
}

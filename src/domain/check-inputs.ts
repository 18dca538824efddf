import { CutoverError } from './errors.ts'
import { describeSpec, type Signature, type TensorSpec } from './signature.ts'
import { bytesPerElement, elementCount, type NamedTensors, type Tensor } from './tensor.ts'
import { countBytes } from './tensor-strings.ts'

/** What every runtime counts with: a tensor without elements may have a size beyond it as well. */
const SIZE_MAX = 2 ** 31 - 1

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
  for (const spec of signature.inputs) {
    const tensor = inputs.get(spec.name)
    if (tensor === undefined) throw invalid(`input ${describeSpec(spec)} is missing`)
    checkTensor(spec, tensor)
  }
  if (!isBound(signature)) return
  // A symbolic size is free, but the same name means the same size everywhere.
  const sizes = new Map<string, { size: number; input: string }>()
  for (const { name, shape } of signature.inputs) {
    for (const [axis, dimension] of (shape ?? []).entries()) {
      if (typeof dimension !== 'string') continue
      const size = inputs.get(name)?.shape[axis] ?? 0
      const known = sizes.get(dimension)
      if (known === undefined) sizes.set(dimension, { size, input: name })
      else if (known.size !== size) {
        throw invalid(
          `input ${name}: ${dimension} is ${size} here and ${known.size} in ${known.input}`,
        )
      }
    }
  }
}

/** Whether one symbolic size occurs twice, so that sizes depend on each other. */
function isBound({ inputs }: Signature): boolean {
  let isBound = BOUND.get(inputs)
  if (isBound === undefined) {
    const names = inputs.flatMap(({ shape }) =>
      (shape ?? []).filter((size) => typeof size === 'string'),
    )
    isBound = new Set(names).size < names.length
    BOUND.set(inputs, isBound)
  }
  return isBound
}

/** What is known of the signatures that are loaded. */
const BOUND = new WeakMap<Signature['inputs'], boolean>()

function checkTensor(spec: TensorSpec, tensor: Tensor): void {
  const { dtype, shape, data } = tensor
  if (dtype !== spec.dtype || !fits(spec, shape)) {
    throw invalid(`input ${describeSpec(spec)} was given as ${typeOf(tensor)}`)
  }
  const count = elementCount(shape)
  if (shape.some((size) => !isSize(size)) || count === Infinity) {
    throw invalid(`input ${spec.name}: the shape [${shape.join(', ')}] is not one of a tensor`)
  }
  if (dtype === 'string') {
    checkStrings(spec, tensor, count)
    return
  }
  const bytes = count * bytesPerElement(dtype)
  if (bytes !== data.byteLength) {
    throw invalid(`input ${spec.name}: ${typeOf(tensor)} is ${bytes} bytes, not ${data.byteLength}`)
  }
}

function isSize(size: number): boolean {
  return Number.isInteger(size) && size >= 0 && size <= SIZE_MAX
}

function fits({ shape: expected }: TensorSpec, shape: readonly number[]): boolean {
  return (
    expected === null ||
    (expected.length === shape.length &&
      expected.every((size, axis) => typeof size !== 'number' || size === shape[axis]))
  )
}

/** A runtime is told the shape and the strings apart: the one must be as many as the other. */
function checkStrings(spec: TensorSpec, tensor: Tensor, count: number): void {
  const strings = countBytes(tensor.data)
  if (strings === undefined) {
    throw invalid(`input ${spec.name}: the length of a string goes beyond the data`)
  }
  if (strings !== count) {
    throw invalid(
      `input ${spec.name}: ${typeOf(tensor)} has ${count} strings, the data holds ${strings}`,
    )
  }
}

function typeOf({ dtype, shape }: Tensor): string {
  return `${dtype}[${shape.join(', ')}]`
}

function describe(specs: readonly TensorSpec[]): string {
  return specs.map(describeSpec).join('; ')
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('TENSOR_INVALID', sentence)
}

import type { Buffer } from 'node:buffer'

import { CutoverError } from '../../domain/errors.ts'
import { describeSpec, type Signature, type TensorSpec } from '../../domain/signature.ts'
import type { NamedTensors, Tensor } from '../../domain/tensor.ts'
import { packBytes } from '../../domain/tensor-strings.ts'
import { tensorOf } from '../../domain/tensor-view.ts'
import { encodeExample, type Example, type Feature } from './example.ts'

/**
 * The inputs of a signature from examples. One that takes a single batch of strings is given each
 * example as a serialized tf.Example, which is what such signatures of TensorFlow parse; any other
 * is given the features by the names of its inputs. Throws TENSOR_INVALID.
 */
export function inputsFrom(signature: Signature, examples: readonly Example[]): NamedTensors {
  const [only, second] = signature.inputs
  if (only !== undefined && second === undefined && takesExamples(only)) {
    const data = packBytes(examples.map(encodeExample))
    return new Map([[only.name, { dtype: 'string', shape: [examples.length], data }]])
  }
  const known = new Set(signature.inputs.map(({ name }) => name))
  for (const [index, example] of examples.entries()) {
    for (const name of example.keys()) {
      if (!known.has(name)) throw invalid(`examples[${index}] has ${name}, which is no input`)
    }
  }
  return new Map(signature.inputs.map((spec) => [spec.name, batchOf(spec, examples)]))
}

function takesExamples({ dtype, shape }: TensorSpec): boolean {
  return dtype === 'string' && (shape === null || shape.length === 1)
}

function batchOf(spec: TensorSpec, examples: readonly Example[]): Tensor {
  const features = examples.map((example, index) => {
    const feature = example.get(spec.name)
    if (feature === undefined) throw invalid(`examples[${index}] has no ${describeSpec(spec)}`)
    return feature
  })
  const size = features[0]?.values.length ?? 0
  if (features.some(({ values }) => values.length !== size)) {
    throw invalid(`${spec.name} has not the same number of values in every example`)
  }
  const shape = shapeOf(spec, examples.length, size)
  const { dtype } = spec
  if (dtype === 'string') {
    return { dtype, shape, data: packBytes(features.flatMap((feature) => bytesOf(feature, spec))) }
  }
  return tensorOf(
    dtype,
    shape,
    features.flatMap((feature) => numbersIn(feature, spec)),
  )
}

/** The signature's own sizes after the batch, where they are known; else one of all values. */
function shapeOf({ shape }: TensorSpec, examples: number, size: number): number[] {
  const rest = shape?.slice(1) ?? []
  const sizes = rest.filter((each) => typeof each === 'number')
  if (shape !== null && sizes.length === rest.length) return [examples, ...sizes]
  return [examples, size]
}

function bytesOf({ kind, values }: Feature, spec: TensorSpec): readonly Buffer[] {
  if (kind !== 'bytes') throw invalid(`${describeSpec(spec)} takes strings`)
  return values
}

function numbersIn({ kind, values }: Feature, spec: TensorSpec): readonly (number | bigint)[] {
  if (kind === 'bytes') throw invalid(`${describeSpec(spec)} takes no strings`)
  return values
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('TENSOR_INVALID', sentence)
}

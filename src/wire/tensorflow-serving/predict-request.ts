import type { Buffer } from 'node:buffer'

import { CutoverError } from '../../domain/errors.ts'
import {
  describeSpec,
  signatureNamed,
  type Signatures,
  type TensorSpec,
} from '../../domain/signature.ts'
import type { NamedTensors, Tensor } from '../../domain/tensor.ts'
import type { Sliced } from '../../lib/in-slices.ts'
import { Byte } from '../json/bytes.ts'
import { elementsOf, membersOf } from '../json/members.ts'
import type { JsonReader } from '../json/reader.ts'
import { bracketed } from './bare-rows.ts'
import { atBase64 } from './base64-strings.ts'
import { readEnvelope } from './envelope.ts'
import { TensorBuilder } from './tensor-builder.ts'

export interface PredictRequest {
  /** Rows: one value per example in `instances`. Columns: whole tensors in `inputs`. */
  readonly format: 'row' | 'column'
  readonly signature: string | undefined
  readonly inputs: NamedTensors
  /** Rows of one value came without their brackets: the answer is to have none either. */
  readonly isBare: boolean
}

/**
 * Reads the body of a `:predict`. The model's signature says what each value is; its shape is how
 * it nests. Throws REQUEST_INVALID or TENSOR_INVALID.
 */
export function* readPredictRequest(body: Buffer, model: Signatures): Sliced<PredictRequest> {
  const { reader, at, signature } = yield* readEnvelope(body)
  const specs = signatureNamed(model, signature).inputs
  const { instances, inputs } = at
  if ((instances === undefined) === (inputs === undefined)) {
    throw invalid("the request must have either 'instances' or 'inputs'")
  }
  reader.at = instances ?? inputs ?? 0
  const format = instances === undefined ? 'column' : 'row'
  const read = format === 'column' ? readColumns : readRows
  const tensors = yield* read(reader, specs)
  const rows = bracketed(tensors, specs)
  return { format, signature, inputs: rows ?? tensors, isBare: rows !== undefined }
}

function* readColumns(
  reader: JsonReader,
  specs: readonly TensorSpec[],
): Sliced<Map<string, Tensor>> {
  if (isNamed(reader)) {
    const tensors = new Map<string, Tensor>()
    for (const name of membersOf(reader)) {
      if (tensors.has(name)) throw invalid(`input ${name} is given twice`)
      const builder = new TensorBuilder(specNamed(specs, name))
      yield* builder.read(reader)
      tensors.set(name, builder.single())
    }
    return tensors
  }
  const spec = onlyInput(specs, 'inputs')
  const builder = new TensorBuilder(spec)
  yield* builder.read(reader)
  return new Map([[spec.name, builder.single()]])
}

function* readRows(reader: JsonReader, specs: readonly TensorSpec[]): Sliced<Map<string, Tensor>> {
  if (reader.peek() !== Byte.ArrayOpen) throw invalid("'instances' must be an array")
  const builders = new Map<string, TensorBuilder>()
  const builderOf = (spec: TensorSpec) => {
    const builder = builders.get(spec.name) ?? new TensorBuilder(spec)
    builders.set(spec.name, builder)
    return builder
  }
  let rows = 0
  for (const row of elementsOf(reader)) {
    if (reader.isDue()) yield
    if (isNamed(reader)) {
      for (const name of membersOf(reader)) {
        const builder = builderOf(specNamed(specs, name))
        if (builder.values > row) throw invalid(`instances[${row}] has ${name} twice`)
        yield* builder.read(reader)
      }
    } else {
      yield* builderOf(onlyInput(specs, 'instances')).read(reader)
    }
    rows++
    for (const spec of specs) {
      if (builders.get(spec.name)?.values !== rows) {
        throw invalid(`instances[${row}] has no ${describeSpec(spec)}`)
      }
    }
  }
  if (rows === 0) throw invalid("'instances' is empty")
  return new Map([...builders].map(([name, builder]) => [name, builder.batch()]))
}

/** An object of named tensors comes next, not one of `{"b64": …}`. */
function isNamed(reader: JsonReader): boolean {
  return reader.peek() === Byte.ObjectOpen && !atBase64(reader)
}

function specNamed(specs: readonly TensorSpec[], name: string): TensorSpec {
  const spec = specs.find((each) => each.name === name)
  if (spec === undefined) {
    const inputs = specs.map(describeSpec).join('; ')
    throw new CutoverError('TENSOR_INVALID', `there is no input ${name}; the model takes ${inputs}`)
  }
  return spec
}

function onlyInput(specs: readonly TensorSpec[], key: string): TensorSpec {
  const [spec, second] = specs
  if (spec !== undefined && second === undefined) return spec
  const inputs = specs.map(describeSpec).join('; ')
  throw invalid(`the values of '${key}' must be objects of named inputs: ${inputs}`)
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('REQUEST_INVALID', sentence)
}

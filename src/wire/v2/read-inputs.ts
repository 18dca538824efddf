import { CutoverError } from '../../domain/errors.ts'
import { elementCount, type Tensor } from '../../domain/tensor.ts'
import type { Sliced } from '../../lib/in-slices.ts'
import { readArray } from '../json/array.ts'
import { Byte } from '../json/bytes.ts'
import { sinkFor } from '../json/elements.ts'
import { expectKind } from '../json/expect-kind.ts'
import { elementsOf, membersOf } from '../json/members.ts'
import type { JsonReader } from '../json/reader.ts'
import { skipValue } from '../json/skip.ts'
import type { BinaryTail } from './binary-tail.ts'
import { expectOfInput } from './expect-field.ts'
import { checkCount, checkSize, givenTwice, inputHead } from './input-head.ts'
import { INPUTS_MAX } from './limits.ts'
import { countParameter, NO_PARAMETERS, readParameters, refuseSharedMemory } from './parameters.ts'

/** An element of a JSON array takes a digit and a comma at the least. */
const ELEMENT_BYTES_MIN = 2

/** The tensors of an `inputs` list; no two have one name. */
export function* readInputs(reader: JsonReader, tail: BinaryTail): Sliced<Map<string, Tensor>> {
  const inputs = new Map<string, Tensor>()
  expectKind(reader, Byte.ArrayOpen, 'inputs must be an array')
  for (const index of elementsOf(reader)) {
    if (index >= INPUTS_MAX) throw invalid(`more than ${INPUTS_MAX} inputs`)
    const [name, tensor] = yield* readInput(reader, tail, index)
    if (inputs.has(name)) throw givenTwice(name)
    inputs.set(name, tensor)
  }
  return inputs
}

function* readInput(
  reader: JsonReader,
  tail: BinaryTail,
  index: number,
): Sliced<readonly [name: string, tensor: Tensor]> {
  let name: string | undefined
  let datatype: string | undefined
  let shape: readonly number[] | undefined
  let parameters = NO_PARAMETERS
  let dataAt = -1
  expectOfInput(reader, Byte.ObjectOpen, index, 'it must be an object')
  for (const key of membersOf(reader)) {
    if (reader.isDue()) yield
    switch (key) {
      case 'name':
        expectOfInput(reader, Byte.Quote, index, 'name must be a string')
        name = reader.string()
        break
      case 'datatype':
        expectOfInput(reader, Byte.Quote, name ?? index, 'datatype must be a string')
        datatype = reader.string()
        break
      case 'shape':
        expectOfInput(reader, Byte.ArrayOpen, name ?? index, 'shape must be an array')
        shape = readShape(reader, name ?? String(index))
        break
      case 'parameters':
        expectOfInput(reader, Byte.ObjectOpen, name ?? index, 'parameters must be an object')
        parameters = readParameters(reader)
        break
      case 'data':
        // What its elements are may be told only after it.
        reader.peek()
        dataAt = reader.at
        yield* skipValue(reader)
        break
      default:
        yield* skipValue(reader)
    }
  }
  const head = inputHead(index, { name, datatype, shape })
  const { dtype } = head
  refuseSharedMemory(parameters, 'input', head.name)
  const binaryBytes = countParameter(parameters, 'binary_data_size')
  if ((binaryBytes === undefined) === dataAt < 0) {
    throw invalid(`input ${head.name} must have either data or the parameter binary_data_size`)
  }
  if (binaryBytes !== undefined) {
    return [
      head.name,
      { dtype, shape: head.shape, data: tail.take(binaryBytes, `input ${head.name}`) },
    ]
  }
  if (dtype === 'float16') {
    throw invalid(`input ${head.name}: FP16 has no form in JSON, send it as binary data`)
  }
  const after = reader.at
  const count = elementCount(head.shape)
  const sink = sinkFor(
    dtype,
    `input ${head.name}`,
    Math.min(count, Math.ceil((after - dataAt) / ELEMENT_BYTES_MIN)),
  )
  reader.at = dataAt
  if (reader.peek() !== Byte.ArrayOpen) throw invalid(`input ${head.name}: data must be an array`)
  const { count: given } = yield* readArray(reader, sink, count)
  checkCount(head, count, given)
  reader.at = after
  return [head.name, { dtype, shape: head.shape, data: sink.data() }]
}

function readShape(reader: JsonReader, label: string): number[] {
  const shape: number[] = []
  for (const axis of elementsOf(reader)) {
    const first = reader.peek()
    const size = first >= Byte.Zero && first <= Byte.Nine ? reader.number() : NaN
    checkSize(label, axis, reader.isInteger ? size : NaN)
    shape.push(size)
  }
  return shape
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('TENSOR_INVALID', sentence)
}

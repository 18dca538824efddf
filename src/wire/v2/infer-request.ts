import type { Buffer } from 'node:buffer'

import { CutoverError } from '../../domain/errors.ts'
import type { NamedTensors } from '../../domain/tensor.ts'
import type { Sliced } from '../../lib/in-slices.ts'
import { Byte } from '../json/bytes.ts'
import { expectKind } from '../json/expect-kind.ts'
import { elementsOf, membersOf } from '../json/members.ts'
import { JsonReader } from '../json/reader.ts'
import { skipValue } from '../json/skip.ts'
import { BinaryTail } from './binary-tail.ts'
import { expectOfOutput } from './expect-field.ts'
import { OUTPUTS_MAX } from './limits.ts'
import {
  boolParameter,
  countParameter,
  NO_PARAMETERS,
  readParameters,
  refuseSharedMemory,
} from './parameters.ts'
import { readInputs } from './read-inputs.ts'

export interface RequestedOutput {
  readonly isBinary: boolean
  /** Answer this many best classes in place of the tensor; 0: the tensor. */
  readonly classes: number
}

export interface InferRequest {
  readonly id: string | undefined
  readonly inputs: NamedTensors
  /** By name; undefined: all of them. */
  readonly outputs: ReadonlyMap<string, RequestedOutput> | undefined
  /** Of the outputs when none is named. */
  readonly isBinary: boolean
}

/**
 * Reads an infer request of the Open Inference Protocol: JSON of `headerBytes`, then the binary
 * data of its inputs in their order. Binary data is not looked at and not copied. Throws
 * REQUEST_INVALID or TENSOR_INVALID with a sentence that names what is wrong.
 */
export function* readInferRequest(body: Buffer, headerBytes: number): Sliced<InferRequest> {
  const reader = new JsonReader(body.subarray(0, headerBytes))
  const tail = new BinaryTail(body.subarray(headerBytes))
  let id: string | undefined
  let inputs: NamedTensors | undefined
  let outputs: ReadonlyMap<string, RequestedOutput> | undefined
  let parameters = NO_PARAMETERS
  expectKind(reader, Byte.ObjectOpen, 'the request must be a JSON object')
  for (const key of membersOf(reader)) {
    if (reader.isDue()) yield
    switch (key) {
      case 'id':
        expectKind(reader, Byte.Quote, 'id must be a string')
        id = reader.string()
        break
      case 'parameters':
        expectKind(reader, Byte.ObjectOpen, 'parameters must be an object')
        parameters = readParameters(reader)
        break
      case 'inputs':
        inputs = yield* readInputs(reader, tail)
        break
      case 'outputs':
        outputs = yield* readOutputs(reader)
        break
      default:
        yield* skipValue(reader)
    }
  }
  reader.expectEnd()
  if (inputs === undefined) {
    throw new CutoverError('REQUEST_INVALID', 'the request has no inputs')
  }
  tail.expectEnd()
  return {
    id: id === '' ? undefined : id,
    inputs,
    outputs: outputs?.size === 0 ? undefined : outputs,
    isBinary: boolParameter(parameters, 'binary_data_output') ?? false,
  }
}

function* readOutputs(reader: JsonReader): Sliced<ReadonlyMap<string, RequestedOutput>> {
  const outputs = new Map<string, RequestedOutput>()
  expectKind(reader, Byte.ArrayOpen, 'outputs must be an array')
  for (const index of elementsOf(reader)) {
    if (index >= OUTPUTS_MAX) {
      throw new CutoverError('REQUEST_INVALID', `more than ${OUTPUTS_MAX} outputs`)
    }
    let name: string | undefined
    let parameters = NO_PARAMETERS
    expectOfOutput(reader, Byte.ObjectOpen, index, 'it must be an object')
    for (const key of membersOf(reader)) {
      if (reader.isDue()) yield
      if (key === 'name') {
        expectOfOutput(reader, Byte.Quote, index, 'name must be a string')
        name = reader.string()
      } else if (key === 'parameters') {
        const of = name ?? index
        expectOfOutput(reader, Byte.ObjectOpen, of, 'parameters must be an object')
        parameters = readParameters(reader)
      } else yield* skipValue(reader)
    }
    if (name === undefined) {
      throw new CutoverError('REQUEST_INVALID', `outputs[${index}] has no name`)
    }
    if (outputs.has(name)) continue
    refuseSharedMemory(parameters, 'output', name)
    outputs.set(name, {
      isBinary: boolParameter(parameters, 'binary_data') ?? false,
      classes: countParameter(parameters, 'classification') ?? 0,
    })
  }
  return outputs
}

import type { Buffer } from 'node:buffer'

import { CutoverError } from '../../../domain/errors.ts'
import { checkSize } from '../input-head.ts'
import { INPUTS_MAX, OUTPUTS_MAX, PARAMETERS_MAX } from '../limits.ts'
import { NO_PARAMETERS, type Parameter, type Parameters } from '../parameters.ts'
import { decodedMessage, MessageReader } from './message-reader.ts'

/** A ModelInferRequest as it is on the wire: an absent string is ''. */
export interface InferMessage {
  readonly model: string
  readonly version: string
  readonly id: string
  readonly parameters: Parameters
  readonly inputs: readonly InputMessage[]
  readonly outputs: readonly OutputMessage[]
  /** Views of the message. */
  readonly raw: readonly Buffer[]
}

export interface InputMessage {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  readonly parameters: Parameters
  /** An InferTensorContents, to be read once the datatype is known; views of the message. */
  readonly contents: readonly Buffer[]
}

interface OutputMessage {
  readonly name: string
  readonly parameters: Parameters
}

/**
 * Decodes the one message that matters for speed. No element of a tensor is looked at, and none is
 * copied. Throws REQUEST_INVALID or TENSOR_INVALID.
 */
export function decodeInferMessage(bytes: Buffer): InferMessage {
  return decodedMessage('ModelInferRequest', () => inferMessage(new MessageReader(bytes)))
}

function inferMessage(reader: MessageReader): InferMessage {
  let [model, version, id] = ['', '', '']
  const parameters = new Map<string, Parameter>()
  const inputs: InputMessage[] = []
  const outputs: OutputMessage[] = []
  const raw: Buffer[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case 1:
        model = reader.string()
        break
      case 2:
        version = reader.string()
        break
      case 3:
        id = reader.string()
        break
      case 4:
        addParameter(parameters, reader.bytes())
        break
      case 5:
        checkBound(inputs, INPUTS_MAX, 'inputs')
        inputs.push(inputMessage(new MessageReader(reader.bytes()), inputs.length))
        break
      case 6:
        checkBound(outputs, OUTPUTS_MAX, 'outputs')
        outputs.push(outputMessage(new MessageReader(reader.bytes())))
        break
      case 7:
        checkBound(raw, INPUTS_MAX, 'raw_input_contents')
        raw.push(reader.bytes())
        break
      default:
        reader.skip()
    }
  }
  return { model, version, id, parameters, inputs, outputs, raw }
}

function inputMessage(reader: MessageReader, index: number): InputMessage {
  let [name, datatype] = ['', '']
  const shape: number[] = []
  const contents: Buffer[] = []
  let parameters: Map<string, Parameter> | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case 1:
        name = reader.string()
        break
      case 2:
        datatype = reader.string()
        break
      case 3:
        for (const size of reader.sizes()) {
          checkSize(name || String(index), shape.length, size)
          shape.push(size)
        }
        break
      case 4:
        addParameter((parameters ??= new Map()), reader.bytes())
        break
      case 5:
        checkBound(contents, INPUTS_MAX, 'parts of contents')
        contents.push(reader.bytes())
        break
      default:
        reader.skip()
    }
  }
  return { name, datatype, shape, parameters: parameters ?? NO_PARAMETERS, contents }
}

function outputMessage(reader: MessageReader): OutputMessage {
  let name = ''
  let parameters: Map<string, Parameter> | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.string()
    else if (field === 2) addParameter((parameters ??= new Map()), reader.bytes())
    else reader.skip()
  }
  return { name, parameters: parameters ?? NO_PARAMETERS }
}

/** An entry of a map of InferParameter. */
function addParameter(parameters: Map<string, Parameter>, entry: Buffer): void {
  if (parameters.size >= PARAMETERS_MAX) {
    throw new CutoverError('REQUEST_INVALID', `more than ${PARAMETERS_MAX} parameters`)
  }
  const reader = new MessageReader(entry)
  let name = ''
  let value: Parameter | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.string()
    else if (field === 2) value = parameter(new MessageReader(reader.bytes()))
    else reader.skip()
  }
  if (value === undefined) {
    throw new CutoverError(
      'REQUEST_INVALID',
      `parameter ${name} must have one of bool_param, int64_param, string_param, double_param ` +
        'and uint64_param',
    )
  }
  parameters.set(name, value)
}

function parameter(reader: MessageReader): Parameter | undefined {
  let value: Parameter | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) value = reader.bool()
    else if (field === 2) value = reader.int64()
    else if (field === 3) value = reader.string()
    else if (field === 4) value = reader.double()
    else if (field === 5) value = reader.uint64()
    else reader.skip()
  }
  return value
}

function checkBound(list: readonly unknown[], max: number, what: string): void {
  if (list.length >= max) throw new CutoverError('REQUEST_INVALID', `more than ${max} ${what}`)
}

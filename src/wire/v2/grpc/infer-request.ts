import { Buffer } from 'node:buffer'

import { CutoverError } from '../../../domain/errors.ts'
import { elementCount, type Tensor } from '../../../domain/tensor.ts'
import type { Sliced } from '../../../lib/in-slices.ts'
import type { InferRequest, RequestedOutput } from '../infer-request.ts'
import { givenTwice, inputHead } from '../input-head.ts'
import { countParameter, refuseSharedMemory } from '../parameters.ts'
import { readContents } from './contents.ts'
import type { InferMessage, InputMessage } from './infer-message.ts'
import { notMessage } from './message-reader.ts'

/** A tensor of typed contents may take more bytes than its message did, to this multiple. */
const GROWTH_MAX = 2

/**
 * What a message asks: the same as its JSON form would. Raw data is not looked at and not copied.
 * Throws TENSOR_INVALID or REQUEST_INVALID with a sentence that names what is wrong.
 */
export function* inferRequestOf(
  message: InferMessage,
  messageBytesMax: number,
): Sliced<InferRequest> {
  const { id, inputs, outputs, raw } = message
  if (raw.length > 0) checkRaw(message)
  const tensors = new Map<string, Tensor>()
  for (const [index, { name, datatype, shape, parameters, contents }] of inputs.entries()) {
    const head = inputHead(index, {
      name: name === '' ? undefined : name,
      datatype: datatype === '' ? undefined : datatype,
      shape,
    })
    if (tensors.has(name)) throw givenTwice(name)
    refuseSharedMemory(parameters, 'input', name)
    const data = raw[index] ?? (yield* typed({ ...head, contents }, messageBytesMax))
    tensors.set(name, { dtype: head.dtype, shape, data })
  }
  return {
    id: id === '' ? undefined : id,
    inputs: tensors,
    outputs: outputs.length === 0 ? undefined : requestedOutputs(outputs),
    isBinary: true,
  }
}

/** Either every input has raw data, or none has. */
function checkRaw({ inputs, raw }: InferMessage): void {
  const typed = inputs.find(({ contents }) => contents.some(({ length }) => length > 0))
  if (typed !== undefined) {
    throw invalid(
      `input ${typed.name} has contents and the request raw_input_contents: it is one or the other ` +
        'for all inputs',
    )
  }
  if (raw.length < inputs.length) {
    const first = inputs[raw.length]?.name
    throw invalid(
      `input ${first} has no data: raw_input_contents has ${raw.length} entries for ` +
        `${inputs.length} inputs`,
    )
  }
  if (raw.length > inputs.length) {
    throw invalid(
      `raw_input_contents has ${raw.length} entries, but there are ${inputs.length} inputs`,
    )
  }
}

function* typed(
  { contents, ...head }: Parameters<typeof readContents>[0] & Pick<InputMessage, 'contents'>,
  messageBytesMax: number,
): Sliced<Uint8Array> {
  const [only, second] = contents
  if (only === undefined && elementCount(head.shape) > 0) {
    throw invalid(`input ${head.name} has no data: neither contents nor raw_input_contents`)
  }
  // A message that comes in parts is what they are when put together.
  const bytes = second === undefined ? (only ?? Buffer.alloc(0)) : Buffer.concat(contents)
  try {
    return yield* readContents(head, bytes, GROWTH_MAX * messageBytesMax)
  } catch (error) {
    throw error instanceof CutoverError ? error : notMessage('InferTensorContents', error)
  }
}

function requestedOutputs(outputs: InferMessage['outputs']): InferRequest['outputs'] {
  const requested = new Map<string, RequestedOutput>()
  for (const [index, { name, parameters }] of outputs.entries()) {
    if (name === '') throw new CutoverError('REQUEST_INVALID', `outputs[${index}] has no name`)
    if (requested.has(name)) continue
    refuseSharedMemory(parameters, 'output', name)
    const classes = countParameter(parameters, 'classification') ?? 0
    requested.set(name, { isBinary: true, classes })
  }
  return requested
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('TENSOR_INVALID', sentence)
}

import type { Buffer } from 'node:buffer'

import protobuf from 'protobufjs/minimal.js'

import type { NamedTensors } from '../../../domain/tensor.ts'
import { datatypeOf } from '../datatype.ts'

export interface InferResponse {
  readonly id: string | undefined
  readonly model: string
  readonly version: number
  readonly outputs: NamedTensors
}

/** An encoded ModelInferResponse; every output is in `raw_output_contents`. */
export function encodeInferResponse(response: InferResponse): Buffer {
  return finished(writeResponse(protobuf.Writer.create(), response))
}

/** An encoded ModelStreamInferResponse, the last one of its request. */
export function encodeStreamResponse(response: InferResponse): Buffer {
  const writer = field(protobuf.Writer.create(), 2, LENGTH_DELIMITED).fork()
  writeFinal(writeResponse(writer, response))
  return finished(writer.ldelim())
}

/** An encoded ModelStreamInferResponse that says why a request has no answer. */
export function encodeStreamError(
  message: string,
  request: { readonly id: string; readonly model: string; readonly version: string },
): Buffer {
  const writer = field(protobuf.Writer.create(), 1, LENGTH_DELIMITED).string(message)
  field(writer, 2, LENGTH_DELIMITED).fork()
  writeText(writer, 1, request.model)
  writeText(writer, 2, request.version)
  writeText(writer, 3, request.id)
  writeFinal(writer)
  return finished(writer.ldelim())
}

const VARINT = 0
const LENGTH_DELIMITED = 2

function writeResponse(writer: protobuf.Writer, response: InferResponse): protobuf.Writer {
  const { id, model, version, outputs } = response
  writeText(writer, 1, model)
  writeText(writer, 2, String(version))
  writeText(writer, 3, id ?? '')
  for (const [name, { dtype, shape }] of outputs) {
    field(writer, 5, LENGTH_DELIMITED).fork()
    writeText(writer, 1, name)
    writeText(writer, 2, datatypeOf(dtype))
    if (shape.length > 0) {
      field(writer, 3, LENGTH_DELIMITED).fork()
      for (const size of shape) writer.int64(size)
      writer.ldelim()
    }
    writer.ldelim()
  }
  for (const { data } of outputs.values()) field(writer, 6, LENGTH_DELIMITED).bytes(data)
  return writer
}

/** The parameter by which Triton's clients know that a request has had its answer. */
function writeFinal(writer: protobuf.Writer): void {
  field(writer, 4, LENGTH_DELIMITED).fork()
  writeText(writer, 1, 'triton_final_response')
  field(field(writer, 2, LENGTH_DELIMITED).fork(), 1, VARINT)
    .bool(true)
    .ldelim()
  writer.ldelim()
}

function writeText(writer: protobuf.Writer, number: number, text: string): void {
  if (text !== '') field(writer, number, LENGTH_DELIMITED).string(text)
}

function field(writer: protobuf.Writer, number: number, wireType: number): protobuf.Writer {
  return writer.uint32((number << 3) | wireType)
}

/** In Node.js a writer's bytes are a Buffer. */
function finished(writer: protobuf.Writer): Buffer {
  return writer.finish() as Buffer
}

import type { Buffer } from 'node:buffer'

import {
  DEFAULT_SIGNATURE,
  type Signature,
  signatureNamed,
  type Signatures,
  type TensorSpec,
} from '../domain/signature.ts'
import { type DType, DTYPES, type NamedTensors, type Tensor } from '../domain/tensor.ts'
import type { ScoredClass, Timings } from './engine-protocol.ts'
import { bodyBytesOf, type Frame, paddedBytes } from './frame.ts'

/**
 * Requests and answers between the server and an engine process. Both know the model's signature,
 * so a tensor is named by its place in it, and headers are numbers.
 */
const Tag = { image: 1, tensors: 2, classes: 3, answer: 4 } as const

/** In a request: where its body lies in shared memory, and how long it is; −1: in the frame. */
const SHARED_AT = 5
const SHARED_BYTES_AT = 6
const IN_FRAME = [-1, 0] as const
/** Where the tensors of a request begin, and the tensors or classes of an answer. */
const REQUESTED_AT = 7
const ANSWERED_AT = 6
const CLASS_NUMBERS = 2
const TENSOR_NUMBERS = 4

/** The header and the body of a message. */
export interface RunMessage {
  readonly header: readonly number[]
  readonly parts: readonly Uint8Array[]
}

/** To either process a longer one is a broken protocol, so it is not sent. */
export const MESSAGE_BYTES_MAX = 1024 ** 3

/** Why a message is too long to be sent; undefined: it is not. */
export function tooLong({ header, parts }: RunMessage): string | undefined {
  const bytes = header.length * Float64Array.BYTES_PER_ELEMENT + bodyBytesOf(parts)
  if (bytes <= MESSAGE_BYTES_MAX) return undefined
  return `${bytes} bytes; at most ${MESSAGE_BYTES_MAX} are possible`
}

/** Where the bytes of a request lie. */
export interface Body {
  /** A view; throws beyond the body. */
  part(offset: number, bytes: number): Buffer
}

export type RunRequest = ImageRequest | TensorsRequest

interface ImageRequest {
  readonly kind: 'image'
  readonly image: Uint8Array
  /** How many classes to answer, best first; at least 1. */
  readonly topK: number
}

interface TensorsRequest {
  readonly kind: 'tensors'
  readonly inputs: NamedTensors
  /** Absent: all. */
  readonly outputs?: readonly string[] | undefined
  /** Absent: the default. */
  readonly signature?: string | undefined
}

export interface RunOptions {
  readonly id: number
  /** No other request is anywhere in the server. */
  readonly alone: boolean
}

/** A request as an engine gets it. */
export type RunCommand = RunOptions & ((ImageRequest & { readonly image: Buffer }) | TensorsRequest)

export type RunResult =
  | {
      readonly kind: 'classes'
      readonly classes: readonly ScoredClass[]
      readonly timings: Timings
    }
  | { readonly kind: 'tensors'; readonly outputs: NamedTensors; readonly timings: Timings }

/** The tensors must be of the signature. */
export function encodeRun(
  model: Signatures,
  request: RunRequest,
  { id, alone }: RunOptions,
): RunMessage {
  if (request.kind === 'image') {
    const { image, topK } = request
    const bytes = image.byteLength
    return { header: [Tag.image, id, Number(alone), topK, bytes, ...IN_FRAME], parts: [image] }
  }
  const { inputs, outputs = [], signature } = request
  const known = signatureNamed(model, signature)
  const place = placeOfSignature(model, signature)
  const header = [Tag.tensors, id, Number(alone), place, inputs.size, ...IN_FRAME]
  const parts = putTensors(header, known.inputs, inputs)
  for (const name of outputs) header.push(placeOf(known.outputs, name))
  return { header, parts }
}

/** The message when its body has been put into shared memory. */
export function inSharedMemory({ header, parts }: RunMessage, at: number): RunMessage {
  const bytes = bodyBytesOf(parts)
  return { header: header.with(SHARED_AT, at).with(SHARED_BYTES_AT, bytes), parts: [] }
}

/** Where the body of a request lies in shared memory; undefined: in the frame. */
export function sharedBodyOf(frame: Frame): { at: number; bytes: number } | undefined {
  const at = frame.number(SHARED_AT)
  return at < 0 ? undefined : { at, bytes: frame.number(SHARED_BYTES_AT) }
}

/** Throws when the frame is no request for the model. */
export function decodeRun(model: Signatures, frame: Frame, body: Body = frame): RunCommand {
  const id = frame.number(1)
  const alone = frame.number(2) === 1
  if (frame.number(0) === Tag.image) {
    return {
      kind: 'image',
      id,
      alone,
      topK: frame.number(3),
      image: body.part(0, frame.number(4)),
    }
  }
  const signature = frame.number(3) === 0 ? undefined : otherAt(model, frame.number(3)).name
  const known = signatureNamed(model, signature)
  const { tensors, endAt } = takeTensors(frame, REQUESTED_AT, known.inputs, frame.number(4), body)
  let outputs: string[] | undefined
  for (let at = endAt; at < frame.numberCount; at++) {
    outputs ??= []
    outputs.push(specAt(known.outputs, frame.number(at)).name)
  }
  return { kind: 'tensors', id, alone, inputs: tensors, outputs, signature }
}

/** The tensors must be outputs of the signature. */
export function encodeResult(
  id: number,
  { outputs: specs }: Signature,
  result: RunResult,
): RunMessage {
  const { preprocessMs, inferenceMs, sharedBy } = result.timings
  if (result.kind === 'classes') {
    const { classes } = result
    const header: number[] = [Tag.classes, id, preprocessMs, inferenceMs, sharedBy, classes.length]
    for (const { index, score } of classes) header.push(index, score)
    return { header, parts: [] }
  }
  const { outputs } = result
  const header: number[] = [Tag.answer, id, preprocessMs, inferenceMs, sharedBy, outputs.size]
  return { header, parts: putTensors(header, specs, outputs) }
}

/** Which request a frame answers. */
export function answeredId(frame: Frame): number {
  return frame.number(1)
}

/**
 * What a frame of an engine process answers to a request of the signature, checked as far as the
 * server relies on it: a hostile model may have taken the process over. Throws on anything else.
 */
export function decodeResult({ outputs: specs }: Signature, frame: Frame): RunResult {
  const sharedBy = sizeAt(frame, 4)
  if (sharedBy < 1) throw new RangeError('a run for no request')
  const [preprocessMs, inferenceMs] = [milliseconds(frame, 2), milliseconds(frame, 3)]
  const timings = { preprocessMs, inferenceMs, sharedBy }
  const count = sizeAt(frame, 5)
  switch (frame.number(0)) {
    case Tag.classes:
      return { kind: 'classes', classes: takeClasses(frame, count), timings }
    case Tag.answer:
      return {
        kind: 'tensors',
        outputs: takeTensors(frame, ANSWERED_AT, specs, count).tensors,
        timings,
      }
    default:
      throw new TypeError(`an answer of the kind ${frame.number(0)}`)
  }
}

function takeClasses(frame: Frame, count: number): ScoredClass[] {
  if (!(count > 0)) throw new TypeError('an answer without classes')
  const classes: ScoredClass[] = []
  for (let i = 0; i < count; i++) {
    const index = frame.number(ANSWERED_AT + CLASS_NUMBERS * i)
    if (!isSize(index)) throw new TypeError(`a class ${index}`)
    classes.push({ index, score: frame.number(ANSWERED_AT + CLASS_NUMBERS * i + 1) })
  }
  return classes
}

/** Of each tensor: its place, dtype, bytes, rank, sizes. */
function putTensors(
  header: number[],
  specs: readonly TensorSpec[],
  tensors: NamedTensors,
): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (const [name, { dtype, shape, data }] of tensors) {
    header.push(placeOf(specs, name), DTYPES.indexOf(dtype), data.byteLength, shape.length)
    for (const size of shape) header.push(size)
    parts.push(data)
  }
  return parts
}

/** Views of the body; throws when the header does not describe it. */
function takeTensors(
  frame: Frame,
  startAt: number,
  specs: readonly TensorSpec[],
  count: number,
  body: Body = frame,
): { tensors: Map<string, Tensor>; endAt: number } {
  const tensors = new Map<string, Tensor>()
  let at = startAt
  let offset = 0
  for (let i = 0; i < count; i++) {
    const { name } = specAt(specs, frame.number(at))
    const dtype: DType | undefined = DTYPES[frame.number(at + 1)]
    const bytes = frame.number(at + 2)
    const rank = frame.number(at + 3)
    if (dtype === undefined || !isSize(bytes) || !isSize(rank)) {
      throw new RangeError(`tensor ${name}: a malformed header`)
    }
    at += TENSOR_NUMBERS
    const shape: number[] = []
    for (const end = at + rank; at < end; at++) shape.push(sizeAt(frame, at))
    tensors.set(name, { dtype, shape, data: body.part(offset, bytes) })
    offset += paddedBytes(bytes)
  }
  return { tensors, endAt: at }
}

function sizeAt(frame: Frame, index: number): number {
  const size = frame.number(index)
  if (!isSize(size)) throw new RangeError(`a size of ${size}`)
  return size
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function milliseconds(frame: Frame, index: number): number {
  const value = frame.number(index)
  if (!(value >= 0)) throw new RangeError(`a time of ${value} ms`)
  return value
}

function placeOf(specs: readonly TensorSpec[], name: string): number {
  const place = specs.findIndex((spec) => spec.name === name)
  if (place < 0) throw new TypeError(`the signature has no tensor ${name}`)
  return place
}

function specAt(specs: readonly TensorSpec[], place: number): TensorSpec {
  const spec = specs[place]
  if (spec === undefined) throw new RangeError(`the signature has no tensor ${place}`)
  return spec
}

/** 0 is the default signature. */
function placeOfSignature({ otherSignatures = [] }: Signatures, name: string | undefined): number {
  if (name === undefined || name === DEFAULT_SIGNATURE) return 0
  return 1 + otherSignatures.findIndex((other) => other.name === name)
}

function otherAt({ otherSignatures = [] }: Signatures, place: number) {
  const other = otherSignatures[place - 1]
  if (other === undefined) throw new RangeError(`the model has no signature ${place}`)
  return other
}

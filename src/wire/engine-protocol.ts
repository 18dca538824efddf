import type { Buffer } from 'node:buffer'

import { type ErrorCode, isErrorCode } from '../domain/errors.ts'
import type { ImageSettings, Manifest, ModelFormat } from '../domain/manifest.ts'
import type { Signature, Signatures } from '../domain/signature.ts'
import { type DType, isDType, type NamedTensors, type Tensor } from '../domain/tensor.ts'
import { paddedBytes } from './frame.ts'

/** What the server says to an engine process: one `load`, then requests, then `close`. */
export type EngineCommand = LoadCommand | ImageCommand | TensorsCommand | CloseCommand

export interface LoadCommand {
  readonly kind: 'load'
  readonly dir: string
  readonly entry: string
  readonly format: ModelFormat
  readonly threads: number
  readonly threadsAlone: number
  readonly device: 'cpu' | 'gpu'
  readonly pixelsMax: number
  readonly image?: ImageSettings | undefined
  readonly output?: Manifest['output']
  readonly warmup?: Manifest['warmup']
}

/** The body is one encoded image. Answered by `classes` or `error`. */
export interface ImageCommand {
  readonly kind: 'image'
  readonly id: number
  /** How many classes to answer, best first; at least 1. */
  readonly topK: number
  readonly alone: boolean
  /** Length of the image: the body is padded. */
  readonly bytes: number
}

/** The body is the data of the inputs, in order. Answered by `tensors` or `error`. */
export interface TensorsCommand {
  readonly kind: 'tensors'
  readonly id: number
  readonly alone: boolean
  readonly inputs: readonly TensorHeader[]
  /** Absent: the default. */
  readonly signature?: string | undefined
  /** Absent: all. */
  readonly outputs?: readonly string[] | undefined
}

export interface CloseCommand {
  readonly kind: 'close'
}

export interface TensorHeader {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly bytes: number
}

/** What an engine process says to the server. */
export type EngineMessage =
  | { readonly kind: 'progress'; readonly step: LoadStep }
  | ({ readonly kind: 'ready' } & EngineInfo)
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  | EngineReply

export type EngineReply =
  | {
      readonly kind: 'classes'
      readonly id: number
      readonly classes: readonly ScoredClass[]
      readonly timings: Timings
    }
  | {
      readonly kind: 'tensors'
      readonly id: number
      readonly outputs: readonly TensorHeader[]
      readonly timings: Timings
    }
  | {
      readonly kind: 'error'
      readonly id: number
      readonly code: ErrorCode
      readonly message: string
    }

export type LoadStep = 'opening' | 'warming'

export interface ScoredClass {
  readonly index: number
  readonly score: number
}

/** Where a request's time went inside the engine, in milliseconds. */
export interface Timings {
  readonly preprocessMs: number
  readonly inferenceMs: number
}

export interface EngineInfo extends Signatures {
  /** Why the model takes no images; absent when it does. */
  readonly imageRefusal?: string | undefined
  readonly device: string
  readonly runtime: string
  readonly openMs: number
  readonly warmupMs: number
  /** Why the warm-up ran nothing; absent when it ran. */
  readonly warmupSkipped?: string | undefined
}

/** The headers and the body parts of named tensors. */
export function packTensors(tensors: NamedTensors): {
  headers: TensorHeader[]
  parts: Uint8Array[]
} {
  const headers: TensorHeader[] = []
  const parts: Uint8Array[] = []
  for (const [name, { dtype, shape, data }] of tensors) {
    headers.push({ name, dtype, shape, bytes: data.byteLength })
    parts.push(data)
  }
  return { headers, parts }
}

/** Views of the body; throws when the headers do not describe it. */
export function unpackTensors(headers: readonly TensorHeader[], body: Buffer): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>()
  let offset = 0
  for (const { name, dtype, shape, bytes } of headers) {
    if (!isDType(dtype) || !Number.isSafeInteger(bytes) || bytes < 0) {
      throw new RangeError(`tensor ${name}: a malformed header`)
    }
    if (offset + bytes > body.length) throw new RangeError(`tensor ${name}: beyond the frame`)
    tensors.set(name, { dtype, shape, data: body.subarray(offset, offset + bytes) })
    offset += paddedBytes(bytes)
  }
  return tensors
}

/**
 * A message of an engine process, checked as far as the server relies on it: a hostile model may
 * have taken the process over. Throws on anything else.
 */
export function parseEngineMessage(header: unknown): EngineMessage {
  if (typeof header !== 'object' || header === null || !('kind' in header)) {
    throw new TypeError('a message without a kind')
  }
  const message = header as EngineMessage
  switch (message.kind) {
    case 'classes':
      if (Number.isSafeInteger(message.id) && isClasses(message.classes)) return message
      break
    case 'tensors':
      if (Number.isSafeInteger(message.id) && Array.isArray(message.outputs)) return message
      break
    case 'error':
      if (Number.isSafeInteger(message.id) && isFailure(message)) return message
      break
    case 'failed':
      if (isFailure(message)) return message
      break
    case 'progress':
      if (message.step === 'opening' || message.step === 'warming') return message
      break
    case 'ready':
      if ([message.signature, ...(message.otherSignatures ?? [])].every(isSignature)) return message
      break
  }
  throw new TypeError(`a malformed message of kind ${message.kind}`)
}

function isClasses(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (entry: unknown) =>
        typeof entry === 'object' &&
        entry !== null &&
        'index' in entry &&
        Number.isSafeInteger(entry.index) &&
        'score' in entry &&
        typeof entry.score === 'number',
    )
  )
}

function isFailure(value: { code: unknown; message: unknown }): boolean {
  return isErrorCode(value.code) && typeof value.message === 'string'
}

function isSignature(value: Partial<Signature> | undefined): boolean {
  return isSpecs(value?.inputs) && isSpecs(value?.outputs)
}

function isSpecs(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (spec: unknown) =>
        typeof spec === 'object' &&
        spec !== null &&
        'name' in spec &&
        typeof spec.name === 'string' &&
        'dtype' in spec &&
        isDType(spec.dtype),
    )
  )
}

import { type ErrorCode, isErrorCode } from '../domain/errors.ts'
import type { ImageSettings, Manifest, ModelFormat } from '../domain/manifest.ts'
import type { Signature, Signatures } from '../domain/signature.ts'
import type { Stages } from '../domain/stages.ts'
import { isDType } from '../domain/tensor.ts'

/**
 * What the server says to an engine process: one `load`, then requests (`run-message.ts`), then
 * `close`.
 */
export type EngineCommand = LoadCommand | CloseCommand

export interface LoadCommand {
  readonly kind: 'load'
  readonly dir: string
  readonly entry: string
  readonly format: ModelFormat
  readonly threads: number
  readonly threadsAlone: number
  readonly device: 'cpu' | 'gpu'
  readonly pixelsMax: number
  /** How many names of classes the version has. */
  readonly labelsCount?: number | undefined
  readonly image?: ImageSettings | undefined
  readonly output?: Manifest['output']
  readonly warmup?: Manifest['warmup']
  readonly batching?: Manifest['batching']
}

export interface CloseCommand {
  readonly kind: 'close'
}

/** What an engine process says to the server, beside its answers (`run-message.ts`). */
export type EngineMessage =
  | { readonly kind: 'progress'; readonly step: LoadStep }
  | ({ readonly kind: 'ready' } & EngineInfo)
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  /** In place of the answer to a request. */
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
export type Timings = Omit<Stages, 'queueMs'>

export interface EngineInfo extends Signatures {
  /** Why the model takes no images; absent when it does. */
  readonly imageRefusal?: string | undefined
  readonly device: string
  readonly runtime: string
  readonly openMs: number
  readonly warmupMs: number
  /** What is not as it should be, though it works: no GPU, no warm-up. */
  readonly notice?: string | undefined
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
      if (
        isDevice(message.device) &&
        [message.signature, ...(message.otherSignatures ?? [])].every(isSignature)
      ) {
        return message
      }
      break
  }
  throw new TypeError(`a malformed message of kind ${message.kind}`)
}

function isFailure(value: { code: unknown; message: unknown }): boolean {
  return isErrorCode(value.code) && typeof value.message === 'string'
}

/** It becomes the label of a metric. */
function isDevice(value: unknown): boolean {
  return typeof value === 'string' && /^[a-z0-9]{1,16}$/.test(value)
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

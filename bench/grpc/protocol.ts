/** Asks the load process for `seconds` of calls, `calls` of them open at any time. */
export interface GrpcLoadCommand {
  readonly kind: 'measure'
  readonly address: string
  readonly calls: number
  readonly seconds: number
}

export interface GrpcLoadResult {
  readonly kind: 'result'
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failures: readonly string[]
}

export type GrpcLoadMessage = { readonly kind: 'ready' } | GrpcLoadResult

/** What the echo says once it listens. */
export interface EchoMessage {
  readonly kind: 'listening'
  readonly port: number
}

export const INFER_PATH = '/inference.GRPCInferenceService/ModelInfer'

export const asBytes = (bytes: Buffer): Buffer => bytes

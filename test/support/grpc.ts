import type { Buffer } from 'node:buffer'
import { fileURLToPath } from 'node:url'

import {
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { service as healthService } from 'grpc-health-check'
import { afterAll } from 'vitest'

const DEADLINE_MS = 60_000

const protocol = loadSync('grpc_service.proto', {
  includeDirs: [fileURLToPath(new URL('../../proto/triton', import.meta.url))],
  keepCase: true,
  longs: String,
  enums: String,
  bytes: globalThis.Buffer,
})['inference.GRPCInferenceService'] as ServiceDefinition

export interface GrpcTensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly (number | string)[]
  readonly contents?: Readonly<Record<string, readonly unknown[]>>
}

export interface InferMessage {
  readonly model_name: string
  readonly model_version?: string
  readonly id?: string
  readonly inputs: readonly GrpcTensor[]
  readonly outputs?: readonly object[]
  readonly raw_input_contents?: readonly Uint8Array[]
}

export interface InferAnswer {
  readonly model_version: string
  readonly id?: string
  readonly parameters?: Readonly<Record<string, unknown>>
  readonly outputs: readonly GrpcTensor[]
  readonly raw_output_contents: readonly Buffer[]
}

export interface StreamAnswer {
  readonly error_message?: string
  readonly infer_response?: InferAnswer
}

/** How a call ended. */
export interface Ended {
  readonly code: keyof typeof status
  readonly details: string
  /** Undefined unless the code is OK. */
  readonly response: unknown
  readonly metadata: Metadata
}

const open = new Set<Client>()
afterAll(() => {
  for (const client of open) client.close()
})

/** A client of the protocol and of health, as any other than ours would be. */
export class GrpcClient {
  readonly client: Client

  constructor(
    address: string,
    secured: ChannelCredentials = credentials.createInsecure(),
    options: ChannelOptions = {},
  ) {
    this.client = new Client(address, secured, {
      'grpc.max_receive_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    })
    open.add(this.client)
  }

  /** A request is a message, or its bytes as they are. */
  async call(
    rpc: string,
    request: object | Buffer,
    { metadata = {}, ...options }: CallOptions & { metadata?: Record<string, string> } = {},
  ): Promise<Ended> {
    const { path, requestSerialize, responseDeserialize } = methodOf(rpc)
    const sent = new Metadata()
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value)
    return new Promise((resolve) => {
      const call = this.client.makeUnaryRequest(
        path,
        (value: object) =>
          value instanceof Uint8Array ? (value as Buffer) : requestSerialize(value),
        responseDeserialize,
        request,
        sent,
        { deadline: Date.now() + DEADLINE_MS, ...options },
        (error: ServiceError | null, response: unknown) => {
          if (error !== null) resolve({ ...ending(error), response: undefined })
          else call.once('status', (end) => resolve({ ...ending(end), response }))
        },
      )
    })
  }

  async infer(request: InferMessage): Promise<InferAnswer> {
    const { code, details, response } = await this.call('ModelInfer', request)
    if (code !== 'OK') throw new Error(`${code}: ${details}`)
    return response as InferAnswer
  }

  stream(): ClientDuplexStream<object, StreamAnswer> {
    const { path, requestSerialize, responseDeserialize } = methodOf('ModelStreamInfer')
    return this.client.makeBidiStreamRequest<object, StreamAnswer>(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => StreamAnswer,
    )
  }

  watch(service: string): ClientReadableStream<{ status: string }> {
    const { path, requestSerialize, responseDeserialize } = methodOf('Watch')
    return this.client.makeServerStreamRequest<object, { status: string }>(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => { status: string },
      { service },
    )
  }
}

/** The bytes of a message, for a client of its own. */
export function encoded(request: InferMessage): Buffer {
  return methodOf('ModelInfer').requestSerialize(request)
}

function methodOf(rpc: string): ServiceDefinition[string] {
  const method = protocol[rpc] ?? (healthService as unknown as ServiceDefinition)[rpc]
  if (method === undefined) throw new Error(`there is no ${rpc}`)
  return method
}

function ending({ code, details, metadata }: Pick<ServiceError, 'code' | 'details' | 'metadata'>) {
  return { code: status[code] as keyof typeof status, details, metadata }
}

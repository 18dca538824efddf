import { fileURLToPath } from 'node:url'

import type { ServiceDefinition } from '@grpc/grpc-js'
import { loadSync, type PackageDefinition } from '@grpc/proto-loader'

import { CutoverError } from '../../domain/errors.ts'

const PROTO_DIR = fileURLToPath(new URL('../../../proto/triton', import.meta.url))
const INFERENCE = 'inference.GRPCInferenceService'
/** Decoded and encoded by hand (wire/v2/grpc): they are what matters for speed. */
const INFERENCE_CALLS: ReadonlySet<string> = new Set(['ModelInfer', 'ModelStreamInfer'])

export interface Services {
  readonly definition: PackageDefinition
  readonly inference: ServiceDefinition
  readonly names: ReadonlySet<string>
}

/** Reads the protocol's definition; inference has its messages as bytes. */
export function loadServices(): Services {
  const definition = loadSync('grpc_service.proto', {
    includeDirs: [PROTO_DIR],
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
  })
  const service = definition[INFERENCE] as ServiceDefinition | undefined
  if (service === undefined) throw new CutoverError('INTERNAL', `no ${INFERENCE} in ${PROTO_DIR}`)
  const asBytes = {
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
  }
  const methods = Object.entries(service).map(([name, method]) => [
    name,
    INFERENCE_CALLS.has(name) ? { ...method, ...asBytes } : method,
  ])
  return {
    definition,
    inference: Object.fromEntries(methods) as ServiceDefinition,
    names: new Set([INFERENCE]),
  }
}

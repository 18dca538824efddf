import { Buffer } from 'node:buffer'

import { loadSync, type PackageDefinition } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { protoPath as healthProto } from 'grpc-health-check'
import descriptors, {
  type IDescriptorProto,
  type IFileDescriptorProto,
} from 'protobufjs/ext/descriptor/index.js'

const { FileDescriptorProto } = descriptors

/** gRPC reflection of the services of the definition, and of health. */
export function reflectionOf(definition: PackageDefinition): ReflectionService {
  const all = Object.values({ ...definition, ...loadSync(healthProto) })
  // Every message comes with all files of its definition.
  const files = new Set<Buffer>()
  for (const { fileDescriptorProtos } of all) {
    if (Array.isArray(fileDescriptorProtos))
      for (const file of fileDescriptorProtos) files.add(file)
  }
  return new ReflectionService({
    files: {
      format: 'Protocol Buffer 3 DescriptorProto',
      type: {},
      fileDescriptorProtos: [...files].map(withMapEntries),
    },
  })
}

/**
 * A file as protoc would describe it: the entries of a map `parameters` are of a type
 * `ParametersEntry`. protobufjs calls it `Parameters`, for which Go's clients refuse the file.
 */
function withMapEntries(bytes: Buffer): Buffer {
  const file = FileDescriptorProto.decode(bytes) as IFileDescriptorProto
  for (const message of file.messageType ?? []) nameMapEntries(message)
  return Buffer.from(FileDescriptorProto.encode(file).finish())
}

function nameMapEntries(message: IDescriptorProto): void {
  for (const nested of message.nestedType ?? []) {
    const field = message.field?.find(({ typeName }) => typeName === nested.name)
    if (nested.options?.mapEntry === true && field?.name !== undefined) {
      nested.name = `${camelCase(field.name)}Entry`
      field.typeName = nested.name
    } else {
      nameMapEntries(nested)
    }
  }
}

function camelCase(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

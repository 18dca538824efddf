import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

import { ServerCredentials } from '@grpc/grpc-js'

import { CutoverError, messageOf } from '../../domain/errors.ts'
import type { Settings } from '../../wire/settings.ts'

/** Plain text where no certificate is set. Throws CONFIG_INVALID, naming the flag that is wrong. */
export function credentialsOf(settings: Settings): ServerCredentials {
  const { grpcTlsCert: cert, grpcTlsKey: key, grpcTlsClientCa: clientCa } = settings
  if (cert === undefined && key === undefined && clientCa === undefined) {
    return ServerCredentials.createInsecure()
  }
  if (cert === undefined || key === undefined) {
    throw new CutoverError(
      'CONFIG_INVALID',
      'TLS on the gRPC port needs both --grpc-tls-cert and --grpc-tls-key',
    )
  }
  const pair = {
    cert_chain: read(cert, '--grpc-tls-cert'),
    private_key: read(key, '--grpc-tls-key'),
  }
  const authority = clientCa === undefined ? null : read(clientCa, '--grpc-tls-client-ca')
  try {
    // gRPC looks at them when a client comes.
    createSecureContext({
      cert: pair.cert_chain,
      key: pair.private_key,
      ca: authority ?? undefined,
    })
    return ServerCredentials.createSsl(authority, [pair], authority !== null)
  } catch (error) {
    throw new CutoverError('CONFIG_INVALID', `TLS on the gRPC port: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

function read(file: string, flag: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new CutoverError('CONFIG_INVALID', `${flag}: ${messageOf(error)}`, { cause: error })
  }
}

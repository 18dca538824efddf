import { S3Client } from '@aws-sdk/client-s3'

import { messageOf } from '../../domain/errors.ts'
import { REGION_MISSING } from './s3-error.ts'

const CONNECTIONS_MAX = 32
const REGION_OF_CUSTOM_ENDPOINTS = 'us-east-1'

export interface S3ClientOptions {
  /** Whether the bucket is named in the path; auto: where an endpoint is set. */
  readonly pathStyle: 'auto' | 'always' | 'never'
  readonly connectTimeoutMs: number
  /** Time without a byte after which a request has failed. */
  readonly stallTimeoutMs: number
}

/**
 * A client with the SDK's own ways of finding credentials, region and endpoint: environment,
 * shared files, the roles of containers and machines. Where an endpoint is set and no region is
 * found, one is made up, as self-hosted servers have none. A bucket of another region is not
 * followed there: what is signed for others to read would still be for this one.
 */
export function createS3Client(
  { pathStyle, connectTimeoutMs, stallTimeoutMs }: S3ClientOptions,
  env: NodeJS.ProcessEnv = process.env,
): S3Client {
  // The SDK's version is pinned to one that works here: what it says of later ones helps nobody.
  env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const hasEndpoint = endpointIn(env) !== undefined
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || undefined
  return new S3Client({
    forcePathStyle: pathStyle === 'auto' ? hasEndpoint : pathStyle === 'always',
    ...(region === undefined ? {} : { region }),
    ...(region === undefined && hasEndpoint ? { region: regionOfEndpoint() } : {}),
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      socketTimeout: stallTimeoutMs,
      httpAgent: { keepAlive: true, maxSockets: CONNECTIONS_MAX },
      httpsAgent: { keepAlive: true, maxSockets: CONNECTIONS_MAX },
    },
  })
}

/** What the SDK finds by itself, else the one that is made up. */
function regionOfEndpoint(): () => Promise<string> {
  const { region } = new S3Client().config
  return () =>
    region().catch((error: unknown) => {
      if (messageOf(error) === REGION_MISSING) return REGION_OF_CUSTOM_ENDPOINTS
      throw error
    })
}

function endpointIn(env: NodeJS.ProcessEnv): string | undefined {
  return env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'] || undefined
}

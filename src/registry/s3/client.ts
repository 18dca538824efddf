import { S3Client } from '@aws-sdk/client-s3'

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
 * shared files, the roles of containers and machines. Where an endpoint is set and no region, one
 * is made up, as self-hosted servers have none.
 */
export function createS3Client(
  { pathStyle, connectTimeoutMs, stallTimeoutMs }: S3ClientOptions,
  env: NodeJS.ProcessEnv = process.env,
): S3Client {
  // The SDK's version is pinned to one that works here: what it says of later ones helps nobody.
  env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const hasEndpoint = endpointIn(env) !== undefined
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION']
  const isRegionOpen = region === undefined && hasEndpoint && env['AWS_PROFILE'] === undefined
  return new S3Client({
    forcePathStyle: pathStyle === 'auto' ? hasEndpoint : pathStyle === 'always',
    ...(region === undefined ? {} : { region }),
    ...(isRegionOpen ? { region: REGION_OF_CUSTOM_ENDPOINTS } : {}),
    followRegionRedirects: true,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      socketTimeout: stallTimeoutMs,
      httpAgent: { keepAlive: true, maxSockets: CONNECTIONS_MAX },
      httpsAgent: { keepAlive: true, maxSockets: CONNECTIONS_MAX },
    },
  })
}

function endpointIn(env: NodeJS.ProcessEnv): string | undefined {
  return env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'] || undefined
}

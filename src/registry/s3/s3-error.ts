import { CutoverError, messageOf } from '../../domain/errors.ts'
import { systemCode } from '../../lib/system-error.ts'

/** What the SDK says where it finds no region. */
export const REGION_MISSING = 'Region is missing'
const OTHER_REGION = 'the bucket is in another region: set AWS_REGION'

const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket',
  Forbidden: 'access denied: check the credentials',
  InvalidAccessKeyId: 'the access key is not known there',
  SignatureDoesNotMatch: 'the secret access key is wrong',
  ExpiredToken: 'the credentials have expired',
  ExpiredTokenException: 'the credentials have expired',
  TokenRefreshRequired: 'the credentials have expired',
  [REGION_MISSING]: 'no region is set: set AWS_REGION',
  RequestTimeTooSkewed: "this machine's clock is wrong",
  PermanentRedirect: OTHER_REGION,
  IllegalLocationConstraintException: OTHER_REGION,
  AuthorizationHeaderMalformed: 'the request was signed for another region: set AWS_REGION',
  CredentialsProviderError:
    'no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role',
  TimeoutError: 'no answer in time',
  SlowDown: 'asked to slow down',
}

/** What it takes to read; whether a key is absent is told to those alone who may list. */
const TO_READ = 's3:ListBucket on the bucket and s3:GetObject'

/** The status of a failed request; undefined when there was no answer. */
export function statusOf(thrown: unknown): number | undefined {
  const metadata = thrown instanceof Error && '$metadata' in thrown ? thrown.$metadata : undefined
  const isObject = typeof metadata === 'object' && metadata !== null
  return isObject && 'httpStatusCode' in metadata && typeof metadata.httpStatusCode === 'number'
    ? metadata.httpStatusCode
    : undefined
}

/** Whether the answer was that a key does not exist, and not that the bucket does not. */
export function isKeyAbsent(thrown: unknown): boolean {
  return thrown instanceof Error && ['NoSuchKey', 'NotFound'].includes(thrown.name)
}

/**
 * REGISTRY_UNAVAILABLE with one line that says what was tried and what an operator can do.
 * What is an error of ours already stays as it is. `needed` is what the credentials must allow.
 */
export function registryError(what: string, thrown: unknown, needed = TO_READ): CutoverError {
  if (thrown instanceof CutoverError) return thrown
  const reason = `${what}: ${reasonOf(thrown, needed)}`
  return new CutoverError('REGISTRY_UNAVAILABLE', reason, { cause: thrown })
}

function reasonOf(thrown: unknown, needed: string): string {
  const name = thrown instanceof Error ? thrown.name : ''
  const status = statusOf(thrown)
  const isDenied = name === 'AccessDenied'
  const denied = `access denied: the credentials need ${needed}`
  const advice = isDenied ? denied : (ADVICE[name] ?? ADVICE[messageOf(thrown)])
  if (advice !== undefined) return status === undefined ? advice : `${advice} (${status} ${name})`
  if (status !== undefined) return `the answer was ${status} ${name}`
  const code = systemCode(thrown)
  // A host with several addresses fails with all their errors at once and no message.
  const message = messageOf(thrown) || code || name
  return message.replaceAll(/\s+/g, ' ').slice(0, 300)
}

import { createHash, createHmac } from 'node:crypto'

import type { Accounts } from './accounts.ts'
import { S3Error } from './errors.ts'
import type { S3Request } from './request.ts'

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
const CLOCK_SKEW_MS_MAX = 15 * 60_000

/**
 * Checks the header form of AWS Signature Version 4
 * (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
 * The body's own digest is for the reader of the body to check.
 * @throws S3Error with the code that S3 gives
 */
export function authenticate(request: S3Request, accounts: Accounts, region: string): void {
  const { headers } = request
  const { authorization } = headers
  if (authorization === undefined) throw new S3Error('AccessDenied')
  const [, accessKeyId = '', day = '', scopeRegion = '', signedHeaders = '', signature = ''] =
    AUTHORIZATION.exec(authorization) ?? []
  if (signature === '' || scopeRegion !== region) throw new S3Error('AuthorizationHeaderMalformed')
  const account = accounts.find(accessKeyId)
  if (account === undefined) throw new S3Error('InvalidAccessKeyId')

  const time = text(headers['x-amz-date'])
  const payloadHash = text(headers['x-amz-content-sha256'])
  const signed = signedHeaders.split(';')
  const unsigned = Object.keys(headers).filter(
    (name) => (name === 'host' || name.startsWith('x-amz-')) && !signed.includes(name),
  )
  if (unsigned.length > 0 || payloadHash === '') throw new S3Error('AccessDenied')
  if (!time.startsWith(day) || Math.abs(Date.now() - milliseconds(time)) > CLOCK_SKEW_MS_MAX) {
    throw new S3Error('RequestTimeTooSkewed')
  }

  const canonicalRequest = [
    request.method,
    encode(decodeURIComponent(request.rawPath)).replaceAll('%2F', '/'),
    canonicalQuery(request.query),
    ...signed.map((name) => `${name}:${text(headers[name]).trim().replaceAll(/ +/g, ' ')}`),
    '',
    signedHeaders,
    payloadHash,
  ].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonicalRequest)].join('\n')
  let key: string | Buffer = `AWS4${account.secretAccessKey}`
  for (const part of [day, region, 's3', 'aws4_request']) key = hmac(key, part)
  if (hmac(key, toSign).toString('hex') !== signature) throw new S3Error('SignatureDoesNotMatch')

  accounts.checkSession(account, text(headers['x-amz-security-token']))
}

function canonicalQuery(query: URLSearchParams): string {
  return [...query]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
}

/** Everything but RFC 3986's unreserved characters. */
function encode(value: string): string {
  return encodeURIComponent(value).replaceAll(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** Of 20261231T235959Z. */
function milliseconds(time: string): number {
  return Date.parse(time.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
}

function text(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : (header?.join(',') ?? '')
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}

function sha256(data: string): string {
  return createHash('sha256').update(data).digest('hex')
}

import { createHash, createHmac } from 'node:crypto'

import type { Accounts } from './accounts.ts'
import { S3Error } from './errors.ts'
import type { S3Request } from './request.ts'

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
const CLOCK_SKEW_MS_MAX = 15 * 60_000

/** What a request says of its signature, in its headers or in its query. */
interface Claim {
  readonly accessKeyId: string
  readonly day: string
  readonly region: string
  readonly signedHeaders: string
  readonly signature: string
  readonly time: string
  readonly payloadHash: string
  readonly token: string
  readonly query: URLSearchParams
}

/**
 * Checks both forms of AWS Signature Version 4
 * (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and
 * sigv4-query-string-auth.html). The body's own digest is for the reader of the body to check.
 * @throws S3Error with the code that S3 gives
 */
export function authenticate(request: S3Request, accounts: Accounts, region: string): void {
  const { headers } = request
  const isPresigned = request.query.has('X-Amz-Signature')
  const claim = isPresigned ? claimInQuery(request) : claimInHeaders(request)
  if (claim.signature === '' || claim.region !== region) {
    throw new S3Error('AuthorizationHeaderMalformed')
  }
  const account = accounts.find(claim.accessKeyId)
  if (account === undefined) throw new S3Error('InvalidAccessKeyId')

  const { day, time, payloadHash, signedHeaders } = claim
  const signed = signedHeaders.split(';')
  const unsigned = Object.keys(headers).filter(
    (name) => (name === 'host' || name.startsWith('x-amz-')) && !signed.includes(name),
  )
  if (unsigned.length > 0 || payloadHash === '') throw new S3Error('AccessDenied')
  if (isPresigned) checkValidity(request.query, time)
  else if (Math.abs(Date.now() - milliseconds(time)) > CLOCK_SKEW_MS_MAX || !time.startsWith(day)) {
    throw new S3Error('RequestTimeTooSkewed')
  }

  const canonicalRequest = [
    request.method,
    encode(decodeURIComponent(request.rawPath)).replaceAll('%2F', '/'),
    canonicalQuery(claim.query),
    ...signed.map((name) => `${name}:${text(headers[name]).trim().replaceAll(/ +/g, ' ')}`),
    '',
    signedHeaders,
    payloadHash,
  ].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonicalRequest)].join('\n')
  let key: string | Buffer = `AWS4${account.secretAccessKey}`
  for (const part of [day, region, 's3', 'aws4_request']) key = hmac(key, part)
  if (hmac(key, toSign).toString('hex') !== claim.signature) {
    throw new S3Error('SignatureDoesNotMatch')
  }
  accounts.checkSession(account, claim.token)
}

function claimInHeaders({ headers, query }: S3Request): Claim {
  const { authorization } = headers
  if (authorization === undefined) throw new S3Error('AccessDenied')
  const [, accessKeyId = '', day = '', region = '', signedHeaders = '', signature = ''] =
    AUTHORIZATION.exec(authorization) ?? []
  const time = text(headers['x-amz-date'])
  const payloadHash = text(headers['x-amz-content-sha256'])
  const token = text(headers['x-amz-security-token'])
  const named = { accessKeyId, day, region, signedHeaders, signature }
  return { ...named, time, payloadHash, token, query }
}

function claimInQuery({ query }: S3Request): Claim {
  const of = (name: string) => query.get(`X-Amz-${name}`) ?? ''
  const [accessKeyId = '', day = '', region = ''] = of('Credential').split('/')
  const rest = new URLSearchParams(query)
  rest.delete('X-Amz-Signature')
  return {
    accessKeyId,
    day,
    region,
    signedHeaders: of('SignedHeaders'),
    signature: of('Signature'),
    time: of('Date'),
    payloadHash: of('Content-Sha256') || 'UNSIGNED-PAYLOAD',
    token: of('Security-Token'),
    query: rest,
  }
}

/** A presigned URL is good for so many seconds from its date. */
function checkValidity(query: URLSearchParams, time: string): void {
  const ageMs = Date.now() - milliseconds(time)
  const validMs = Number(query.get('X-Amz-Expires')) * 1000
  if (!(ageMs >= -CLOCK_SKEW_MS_MAX && ageMs < validMs)) throw new S3Error('AccessDenied')
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

import { CutoverError } from '../../domain/errors.ts'

const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/
const PREFIX_CHARACTERS_MAX = 512

/** A registry in a bucket. */
export interface S3Location {
  readonly bucket: string
  /** What every key starts with: empty, or ending in a slash. */
  readonly prefix: string
  /** `s3://bucket/prefix`, without a slash at the end. */
  readonly url: string
}

export function isS3Url(text: string): boolean {
  return /^s3:\/\//i.test(text)
}

/** The location that `s3://bucket/prefix` names. Throws CONFIG_INVALID. */
export function parseS3Url(text: string): S3Location {
  const [, bucket = '', rest = ''] = /^s3:\/\/([^/]*)(?:\/(.*))?$/is.exec(text) ?? []
  if (!BUCKET.test(bucket)) {
    throw invalid(text, 'expected s3://BUCKET or s3://BUCKET/PREFIX, with the name of a bucket')
  }
  const path = rest.replace(/\/+$/, '')
  const parts = path === '' ? [] : path.split('/')
  const isPlain = parts.every((part) => part !== '' && part !== '.' && part !== '..')
  if (!isPlain || path.length > PREFIX_CHARACTERS_MAX || /[\p{Cc}\p{Cs}\\]/u.test(path)) {
    throw invalid(text, 'expected a prefix without empty, . or .. parts and control characters')
  }
  const url = ['s3://', bucket, ...parts.map((part) => `/${part}`)].join('')
  return { bucket, prefix: path === '' ? '' : `${path}/`, url }
}

function invalid(text: string, expected: string): CutoverError {
  return new CutoverError('CONFIG_INVALID', `${JSON.stringify(text)}: ${expected}`)
}

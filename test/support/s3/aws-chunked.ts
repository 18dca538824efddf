import { S3Error } from './errors.ts'

const SIZE_LINE = /^([0-9a-f]+)(?:;.*)?$/i
const TRAILER_LINE = /^([^:]+):(.*)$/

/**
 * Takes a body out of `content-encoding: aws-chunked`: chunks of `hex size CRLF bytes CRLF`, the
 * last of size 0, then trailers (docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html).
 */
export function decodeAwsChunked(raw: Buffer): {
  body: Buffer
  trailers: Record<string, string>
} {
  const chunks: Buffer[] = []
  let at = 0
  const line = (): string => {
    const end = raw.indexOf('\r\n', at)
    if (end === -1) throw new S3Error('IncompleteBody')
    const text = raw.toString('latin1', at, end)
    at = end + 2
    return text
  }

  for (;;) {
    const size = Number.parseInt(SIZE_LINE.exec(line())?.[1] ?? '', 16)
    if (Number.isNaN(size)) throw new S3Error('IncompleteBody')
    if (size === 0) break
    chunks.push(raw.subarray(at, at + size))
    at += size
    if (line() !== '') throw new S3Error('IncompleteBody')
  }

  const trailers: Record<string, string> = {}
  while (at < raw.length) {
    const [, name, value] = TRAILER_LINE.exec(line()) ?? []
    if (name !== undefined && value !== undefined) trailers[name.toLowerCase()] = value.trim()
  }
  return { body: Buffer.concat(chunks), trailers }
}

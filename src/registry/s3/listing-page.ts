import { CutoverError } from '../../domain/errors.ts'

/** An object of a bucket as a listing tells of it. */
export interface ListedObject {
  readonly key: string
  /** As the server wrote it, quotes included: opaque. */
  readonly etag: string
  readonly bytes: number
  /** When it was written, by the server's clock; NaN where that does not say. */
  readonly modifiedAtMs: number
}

/** A page of a listing, whole but not read yet. */
export interface ListingPage {
  /** What tells of objects: the rest differs from answer to answer. */
  readonly contents: Buffer
  /** How to ask for the next page; undefined: this was the last. */
  readonly next: string | undefined
}

const ENTRY = /<Contents>(.*?)<\/Contents>/gs
const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
}

/** The objects that a page tells of. Throws REGISTRY_UNAVAILABLE when an entry is malformed. */
export function objectsOf({ contents }: ListingPage): ListedObject[] {
  const objects: ListedObject[] = []
  for (const [, entry = ''] of contents.toString('utf8').matchAll(ENTRY)) {
    const key = textOf(entry, 'Key')
    const bytes = Number(textOf(entry, 'Size') || NaN)
    if (key === '' || !Number.isSafeInteger(bytes) || bytes < 0) throw malformed('an entry')
    const modifiedAtMs = Date.parse(textOf(entry, 'LastModified'))
    objects.push({ key, etag: textOf(entry, 'ETag'), bytes, modifiedAtMs })
  }
  return objects
}

/**
 * Takes an answer for a page, after checking that it is one and whole: a proxy may answer 200
 * with a page of its own, and a connection may end early. Throws REGISTRY_UNAVAILABLE.
 */
export function pageOf(xml: Buffer): ListingPage {
  const start = xml.indexOf('<Contents>')
  const end = start < 0 ? -1 : xml.lastIndexOf('</Contents>') + '</Contents>'.length
  const contents = start < 0 ? Buffer.alloc(0) : xml.subarray(start, end)
  const around =
    start < 0
      ? xml.toString('utf8')
      : `${xml.toString('utf8', 0, start)}${xml.toString('utf8', end)}`
  const isWhole = around.trimEnd().endsWith('</ListBucketResult>')
  if (!isWhole || !/<ListBucketResult[\s>]/.test(around)) throw malformed('the page')
  const isTruncated = textOf(around, 'IsTruncated')
  if (isTruncated === 'false') return { contents, next: undefined }
  const next = textOf(around, 'NextContinuationToken')
  if (isTruncated !== 'true' || next === '') throw malformed('the end')
  return { contents, next }
}

function textOf(xml: string, tag: string): string {
  const start = xml.indexOf(`<${tag}>`)
  const end = xml.indexOf(`</${tag}>`, start)
  if (start < 0 || end < 0) return ''
  const text = xml.slice(start + tag.length + 2, end)
  return text.includes('&') ? text.replaceAll(/&(#x?[\da-f]+|\w+);/gi, decodeEntity) : text
}

function decodeEntity(whole: string, name: string): string {
  if (!name.startsWith('#')) return ENTITIES[name] ?? whole
  const isHex = name[1]?.toLowerCase() === 'x'
  const code = Number.parseInt(name.slice(isHex ? 2 : 1), isHex ? 16 : 10)
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole
}

function malformed(what: string): CutoverError {
  return new CutoverError(
    'REGISTRY_UNAVAILABLE',
    `what answered is no S3 server: ${what} of the listing is not understood`,
  )
}

import { CutoverError } from './errors.ts'

/** A format cutover decodes, one it only knows by name, or nothing it knows. */
export type SniffedFormat = 'jpeg' | 'png' | 'webp' | { readonly other: string } | 'unknown'

/** Enough bytes to tell every format below, an XML declaration before an SVG's root included. */
const SNIFFED_BYTES_MAX = 512

interface Magic {
  readonly at: number
  /** One character per byte, compared as Latin-1. */
  readonly bytes: string
}

const SIGNATURES: readonly (readonly [SniffedFormat, ...Magic[]])[] = [
  ['jpeg', { at: 0, bytes: '\xff\xd8\xff' }],
  ['png', { at: 0, bytes: '\x89PNG\r\n\x1a\n' }],
  ['webp', { at: 0, bytes: 'RIFF' }, { at: 8, bytes: 'WEBP' }],
  [{ other: 'GIF' }, { at: 0, bytes: 'GIF87a' }],
  [{ other: 'GIF' }, { at: 0, bytes: 'GIF89a' }],
  // Two letters alone are too little: the reserved words of the header are zero.
  [{ other: 'BMP' }, { at: 0, bytes: 'BM' }, { at: 6, bytes: '\0\0\0\0' }],
  [{ other: 'TIFF' }, { at: 0, bytes: 'II*\0' }],
  [{ other: 'TIFF' }, { at: 0, bytes: 'MM\0*' }],
  [{ other: 'TIFF' }, { at: 0, bytes: 'II+\0' }],
  [{ other: 'TIFF' }, { at: 0, bytes: 'MM\0+' }],
  [{ other: 'PDF' }, { at: 0, bytes: '%PDF-' }],
  [{ other: 'ICO' }, { at: 0, bytes: '\0\0\x01\0' }],
  [{ other: 'PSD' }, { at: 0, bytes: '8BPS' }],
  [{ other: 'JPEG XL' }, { at: 0, bytes: '\xff\x0a' }],
  [{ other: 'JPEG XL' }, { at: 0, bytes: '\0\0\0\x0cJXL ' }],
  [{ other: 'JPEG 2000' }, { at: 0, bytes: '\0\0\0\x0cjP  ' }],
  [{ other: 'AVIF' }, { at: 4, bytes: 'ftypavif' }],
  [{ other: 'AVIF' }, { at: 4, bytes: 'ftypavis' }],
  // The other brands of ISO media that cameras write: heic, heix, heim, hevc, mif1, msf1.
  [{ other: 'HEIC' }, { at: 4, bytes: 'ftyphe' }],
  [{ other: 'HEIC' }, { at: 4, bytes: 'ftypmif1' }],
  [{ other: 'HEIC' }, { at: 4, bytes: 'ftypmsf1' }],
]

/** Tells an encoded image by its first bytes, whatever its name or content type claims. */
export function sniffImageFormat(encoded: Uint8Array): SniffedFormat {
  const head = encoded.subarray(0, SNIFFED_BYTES_MAX)
  for (const [format, ...magics] of SIGNATURES) {
    if (magics.every((magic) => holds(head, magic))) return format
  }
  return isSvg(head) ? { other: 'SVG' } : 'unknown'
}

function holds(head: Uint8Array, { at, bytes }: Magic): boolean {
  if (head.length < at + bytes.length) return false
  for (let i = 0; i < bytes.length; i++) {
    if (head[at + i] !== bytes.charCodeAt(i)) return false
  }
  return true
}

function isSvg(head: Uint8Array): boolean {
  const text = new TextDecoder().decode(head).trimStart()
  return text.startsWith('<') && /<svg[\s>]/i.test(text)
}

/**
 * Throws IMAGE_EMPTY, IMAGE_FORMAT_UNSUPPORTED or IMAGE_UNDECODABLE unless the data begins like an
 * image that is decoded here.
 */
export function checkImageFormat(encoded: Uint8Array): void {
  if (encoded.length === 0) {
    throw new CutoverError('IMAGE_EMPTY', 'the image has no bytes: send a JPEG, PNG or WebP')
  }
  const format = sniffImageFormat(encoded)
  if (typeof format === 'object') {
    throw new CutoverError(
      'IMAGE_FORMAT_UNSUPPORTED',
      `the image is ${format.other}: send a JPEG, PNG or WebP`,
    )
  }
  if (format === 'unknown') {
    throw new CutoverError(
      'IMAGE_UNDECODABLE',
      'the data is not an image: it does not begin like a JPEG, PNG or WebP',
    )
  }
}

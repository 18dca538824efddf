import { readdirSync, readFileSync } from 'node:fs'

import { expect, it } from 'vitest'

import { sniffImageFormat } from '../../src/domain/image-format.ts'

const codecs = new URL('../fixtures/images/codecs/', import.meta.url)

function expectedOf(name: string) {
  if (name === 'bad_empty.png' || name === 'bad_not_image.jpg') return 'unknown'
  if (name.endsWith('.jpg')) return 'jpeg'
  if (name.endsWith('.gif') || name.endsWith('.bmp')) return { other: name.slice(-3).toUpperCase() }
  return name.slice(name.lastIndexOf('.') + 1)
}

it.each(readdirSync(codecs))('%s', (name) => {
  expect(sniffImageFormat(readFileSync(new URL(name, codecs)))).toEqual(expectedOf(name))
})

it.each([
  ['\xff\xd8\xff\xe1', 'jpeg'],
  ['\xff\xd8', 'unknown'],
  ['RIFF\x10\0\0\0WEBPVP8 ', 'webp'],
  ['RIFF\x10\0\0\0WAVEfmt ', 'unknown'],
  ['GIF87a', { other: 'GIF' }],
  ['BM\x36\x10\0\0\0\0\0\0\x36', { other: 'BMP' }],
  ['BMW is a car maker', 'unknown'],
  ['II*\0\x08\0\0\0', { other: 'TIFF' }],
  ['MM\0*\0\0\0\x08', { other: 'TIFF' }],
  ['%PDF-1.7', { other: 'PDF' }],
  ['\0\0\x01\0\x01\0', { other: 'ICO' }],
  ['8BPS\0\x01', { other: 'PSD' }],
  ['\0\0\0\x0cJXL \r\n', { other: 'JPEG XL' }],
  ['\0\0\0\x0cjP  \r\n', { other: 'JPEG 2000' }],
  ['\0\0\0\x1cftypavif\0\0', { other: 'AVIF' }],
  ['\0\0\0\x18ftypheic\0\0', { other: 'HEIC' }],
  ['\0\0\0\x18ftypmif1\0\0', { other: 'HEIC' }],
  ['\0\0\0\x18ftypisom\0\0', 'unknown'],
  ['<svg xmlns="http://www.w3.org/2000/svg">', { other: 'SVG' }],
  ['\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n<svg\nwidth="1">', { other: 'SVG' }],
  ['<html><body>not an image</body></html>', 'unknown'],
  ['{"image": "<svg >"}', 'unknown'],
  ['', 'unknown'],
])('%j', (bytes, format) => {
  expect(sniffImageFormat(Buffer.from(bytes, 'latin1'))).toEqual(format)
})

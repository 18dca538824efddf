import { readFileSync } from 'node:fs'

import { describe, expect, test } from 'vitest'

import {
  canonicalManifest,
  digestOf,
  MANIFEST_BYTES_MAX,
  parseManifest,
} from '../../src/wire/manifest.ts'

const SHA256 = 'ab'.repeat(32)

function file(path: string) {
  return { path, bytes: 3, sha256: SHA256 }
}

function parse(manifest: unknown) {
  return parseManifest(Buffer.from(JSON.stringify(manifest)))
}

function manifest(more: object = {}) {
  return { files: [file('model.onnx')], ...more }
}

function sentenceFor(value: unknown): string {
  try {
    parse(value)
  } catch (error) {
    expect(error).toMatchObject({ code: 'MANIFEST_INVALID' })
    return (error as Error).message
  }
  throw new Error('the manifest was taken')
}

describe('a manifest', () => {
  test('needs its files only', () => {
    expect(parse({ files: [file('a/b.onnx')] })).toEqual({
      schema: 'cutover/manifest/v1',
      files: [file('a/b.onnx')],
    })
  })

  test('may say everything', () => {
    const full = {
      schema: 'cutover/manifest/v1',
      model: 'flowers',
      version: 7,
      format: 'onnx',
      files: [file('model.onnx'), file('names/labels.json')],
      image: {
        input: 'image',
        width: 224,
        height: 224,
        crop: 0.875,
        resize: 'pillow-bicubic',
        color: 'bgr',
        scale: 0.5,
        mean: [1, 2, 3],
        std: [4, 5, 6],
        layout: 'NCHW',
        dtype: 'float16',
        orient: true,
        alpha: 'white',
      },
      output: { name: 'probabilities', activation: 'softmax' },
      labels: 'names/labels.json',
      warmup: { batches: [1, 2], shapes: { tokens: [128] } },
      batching: { sizeMax: 16 },
      annotations: { git: 'abc' },
    }
    expect(parse(full)).toEqual(full)
  })

  test('of a newer publisher keeps what is known', () => {
    const parsed = parse(manifest({ signedBy: 'x', image: { width: 2, sharpen: true } }))
    expect(parsed).toEqual({
      schema: 'cutover/manifest/v1',
      files: [file('model.onnx')],
      image: { width: 2 },
    })
  })

  test('may have a byte order mark and digests in capitals', () => {
    const files = [{ ...file('m.onnx'), sha256: SHA256.toUpperCase() }]
    const parsed = parseManifest(Buffer.from(`\ufeff${JSON.stringify({ files })}`))
    expect(parsed.files[0]?.sha256).toBe(SHA256)
  })

  test('of the model that comes along is valid and true', () => {
    const dir = new URL('../../models/efficientnet-lite/1/', import.meta.url)
    const parsed = parseManifest(readFileSync(new URL('manifest.json', dir)))
    expect(parsed.model).toBe('efficientnet-lite')
    for (const { path, bytes } of parsed.files) {
      expect(readFileSync(new URL(path, dir)).length).toBe(bytes)
    }
  })
})

describe('a manifest is refused', () => {
  test.each([
    ['', 'a path of 1 to'],
    ['/etc/passwd', 'relative'],
    ['../model.onnx', '. or ..'],
    ['a/../../b', '. or ..'],
    ['a/./b', '. or ..'],
    ['a//b', 'empty'],
    ['a/', 'empty'],
    ['..', '. or ..'],
    ['a\\b', '/ between'],
    ['C:model.onnx', 'relative'],
    ['c:/model.onnx', 'relative'],
    ['a\u0000b', 'control'],
    ['a\nb', 'control'],
    ['a\ud800b', 'broken'],
    ['manifest.json', 'itself'],
    ['Manifest.JSON', 'itself'],
    ['x'.repeat(256), '255 bytes'],
    [`${'x/'.repeat(600)}y`, '1 to 1024 characters'],
  ])('when it lists %j', (path, reason) => {
    const sentence = sentenceFor({ files: [file('ok.onnx'), file(path)] })
    expect(sentence).toContain('manifest.json: files[1].path: ')
    expect(sentence).toContain(reason)
  })

  test.each([
    [['a', 'a']],
    [['Model.onnx', 'model.onnx']],
    [['caf\u00e9', 'cafe\u0301']],
    [['a', 'a/b']],
    [['a/b/c', 'A/B']],
  ])('when paths collide: %j', (paths) => {
    expect(sentenceFor({ files: paths.map(file) })).toContain('files: ')
  })

  test.each([
    [null, /expected an object/],
    [[], /expected an object/],
    [{}, /files: expected a list of files/],
    [{ files: [] }, /files: expected at least one file/],
    [{ files: [{ ...file('a'), bytes: -1 }] }, /files\[0\].bytes: expected a whole number/],
    [{ files: [{ ...file('a'), bytes: 1.5 }] }, /files\[0\].bytes: expected a whole number/],
    [{ files: [{ ...file('a'), bytes: 2 ** 60 }] }, /files\[0\].bytes: expected a whole number/],
    [{ files: [{ ...file('a'), sha256: 'abc' }] }, /files\[0\].sha256: expected a sha256/],
    [manifest({ schema: 'cutover/manifest/v2' }), /schema: expected "cutover\/manifest\/v1"/],
    [manifest({ model: '../up' }), /model: expected a model's name/],
    [manifest({ version: 0 }), /version: expected a whole number/],
    [manifest({ version: '7' }), /version: expected a whole number/],
    [manifest({ format: 'pickle' }), /format: expected one of onnx, saved-model/],
    [manifest({ labels: 'labels.json' }), /labels: expected one of the files/],
    [manifest({ image: { crop: 0 } }), /image.crop: expected a fraction/],
    [manifest({ image: { crop: 1.1 } }), /image.crop: expected a fraction/],
    [manifest({ image: { width: 1e6 } }), /image.width: expected a whole number from 1 to/],
    [manifest({ image: { std: [1, 0, 1] } }), /image.std: expected numbers other than 0/],
    [manifest({ image: { mean: 127 } }), /image.mean: expected a list of numbers/],
    [manifest({ image: { resize: 'lanczos' } }), /image.resize: expected one of/],
    [manifest({ image: null }), /image: expected an object/],
    [manifest({ warmup: { batches: [0] } }), /warmup.batches\[0\]: expected a whole number/],
    [manifest({ batching: 16 }), /batching: expected an object/],
    [manifest({ batching: {} }), /batching.sizeMax: expected a whole number from 2 to 1024/],
    [manifest({ batching: { sizeMax: 1 } }), /batching.sizeMax: expected a whole number from 2/],
    [manifest({ batching: { sizeMax: 2.5 } }), /batching.sizeMax: expected a whole number from 2/],
    [manifest({ batching: { sizeMax: 1025 } }), /batching.sizeMax: expected a whole number from 2/],
    [manifest({ annotations: { accuracy: 0.75 } }), /annotations.accuracy: expected a string/],
  ])('when it is %j', (value, sentence) => {
    expect(sentenceFor(value)).toMatch(sentence)
  })

  test('with the first few reasons when there are many', () => {
    const files = Array.from({ length: 9000 }, () => file('..'))
    const sentence = sentenceFor({ files })
    expect(sentence).toContain('more')
    expect(sentence.length).toBeLessThan(500)
  })

  test.each([
    ['no JSON', Buffer.from('{"files": [')],
    ['no UTF-8', Buffer.from([0xff, 0xfe, 0x7b])],
    ['too large', Buffer.alloc(MANIFEST_BYTES_MAX + 1, ' ')],
  ])('when its file is %s', (_, bytes) => {
    expect(() => parseManifest(bytes)).toThrow(/^manifest.json: expected/)
  })

  test('when it lists more files than a version may have', () => {
    const files = Array.from({ length: 10_001 }, (_, index) => file(`f${index}`))
    expect(sentenceFor({ files })).toContain('at most 10000 files')
  })
})

describe('the digest of a manifest', () => {
  test('depends on what it says and not on how it is written', () => {
    const one = parse({
      files: [file('a'), file('b')],
      model: 'm',
      annotations: { x: '1', y: '2' },
    })
    const two = parse({
      extra: true,
      annotations: { y: '2', x: '1' },
      model: 'm',
      files: [
        { sha256: SHA256.toUpperCase(), bytes: 3, path: 'b' },
        { bytes: 3, path: 'a', sha256: SHA256 },
      ],
    })
    expect(digestOf(one)).toBe(digestOf(two))
    expect(digestOf(one)).toMatch(/^[0-9a-f]{64}$/)
    expect(canonicalManifest(one)).toBe(
      `{"annotations":{"x":"1","y":"2"},"files":[{"bytes":3,"path":"a","sha256":"${SHA256}"},` +
        `{"bytes":3,"path":"b","sha256":"${SHA256}"}],"model":"m","schema":"cutover/manifest/v1"}`,
    )
    expect(digestOf(parse({ files: [file('a'), file('c')], model: 'm' }))).not.toBe(digestOf(one))
  })
})

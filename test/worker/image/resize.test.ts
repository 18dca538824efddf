import { gunzipSync } from 'node:zlib'

import { describe, expect, it } from 'vitest'

import type { ResizeMethod } from '../../../src/domain/manifest.ts'
import { decodeImage } from '../../../src/worker/image/decode.ts'
import { toTensor } from '../../../src/worker/image/preprocess.ts'
import { resizePillow } from '../../../src/worker/image/resize-pillow.ts'
import { difference, fixture, PIXELS_MAX, planFor } from './support.ts'

interface ReferenceCase {
  readonly file: string
  readonly image: string
  readonly method: ResizeMethod
  readonly height: number
  readonly width: number
  readonly crop?: number
  readonly note?: string
}

const { cases } = JSON.parse(fixture('preprocess/index.json').toString()) as {
  cases: ReferenceCase[]
}

/** The values of a gzipped NumPy array of float32 or uint8. */
function readArray(name: string): ArrayLike<number> {
  const npy = gunzipSync(fixture(`preprocess/${name}`))
  const start = 10 + npy.readUInt16LE(8)
  const header = npy.toString('latin1', 10, start)
  const { buffer } = new Uint8Array(npy.subarray(start))
  return header.includes("'<f4'") ? new Float32Array(buffer) : new Uint8Array(buffer)
}

describe('the answers of TensorFlow and Pillow', () => {
  it.each(cases)('$file', async ({ file, image, method, height, width, crop, note }) => {
    const plan = planFor({ width, height, resize: method, crop })
    const decoded = await decodeImage(fixture(`preprocess/${image}`), plan, {
      pixelsMax: PIXELS_MAX,
    })
    const tensor = toTensor(decoded, plan)
    expect(tensor.shape).toEqual([1, height, width, 3])
    const { max, mean } = difference(new Float32Array(tensor.data.buffer), readArray(file))
    if (note !== undefined) {
      // Another JPEG decoder: as near as two decoders are.
      expect(max).toBeLessThanOrEqual(6)
      expect(mean).toBeLessThan(1.5)
    } else if (method === 'tensorflow-bilinear') expect(max).toBeLessThanOrEqual(1e-3)
    else expect(max).toBe(0)
  })
})

describe('one channel', () => {
  const gray = {
    pixels: Uint8Array.from({ length: 37 * 23 }, (_, i) => (i * 89) % 256),
    width: 37,
    height: 23,
    channels: 1,
  } as const
  const rgb = {
    ...gray,
    pixels: Uint8Array.from({ length: 37 * 23 * 3 }, (_, i) => gray.pixels[Math.floor(i / 3)] ?? 0),
    channels: 3,
  } as const

  it.each([
    ['tensorflow-bilinear', 16, 11],
    ['tensorflow-bilinear', 64, 48],
    ['pillow-bilinear', 16, 11],
    ['pillow-bicubic', 64, 5],
    ['pillow-bicubic', 36, 2],
  ] as const)('is resized as three equal ones: %s to %i×%i', (resize, width, height) => {
    const settings = { resize, width, height, crop: 0.9 }
    const one = toTensor(gray, planFor({ ...settings, color: 'gray' }, [null, null, null, 1]))
    const three = toTensor(rgb, planFor(settings))
    const red = new Float32Array(three.data.buffer).filter((_, i) => i % 3 === 0)
    expect(difference(new Float32Array(one.data.buffer), red).max).toBeLessThan(1e-4)
  })
})

it('a thin tall image is not stretched at its full height', () => {
  const height = 2_000_000
  const thin = { pixels: new Uint8Array(height).fill(7), width: 1, height, channels: 1 } as const
  const before = process.memoryUsage().arrayBuffers
  const region = { left: 0, top: 0, width: 1, height }
  const resized = resizePillow(thin, region, 512, 512, 'bicubic')
  // Row by row it would take a gigabyte.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100e6)
  expect(resized.pixels.every((value) => value === 7)).toBe(true)
})

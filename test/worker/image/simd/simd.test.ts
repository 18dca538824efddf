import { describe, expect, it } from 'vitest'

import type { ImageSettings } from '../../../../src/domain/manifest.ts'
import { pack, packingOf } from '../../../../src/worker/image/packing.ts'
import type { Pixels, Region } from '../../../../src/worker/image/pixels.ts'
import { resizePillow } from '../../../../src/worker/image/resize-pillow.ts'
import { resizeTensorflow } from '../../../../src/worker/image/resize-tensorflow.ts'
import { packSimd } from '../../../../src/worker/image/simd/pack.ts'
import { resizePillowSimd } from '../../../../src/worker/image/simd/resize-pillow.ts'
import { resizeTensorflowSimd } from '../../../../src/worker/image/simd/resize-tensorflow.ts'
import { difference, planFor } from '../support.ts'

function noise(width: number, height: number, channels: 1 | 3 = 3): Pixels {
  const pixels = new Uint8Array(width * height * channels)
  let state = width * 65_537 + height
  for (let i = 0; i < pixels.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    pixels[i] = state >>> 24
  }
  return { pixels, width, height, channels }
}

function whole({ width, height }: Pixels): Region {
  return { left: 0, top: 0, width, height }
}

const LAYOUTS: readonly ImageSettings[] = [
  {},
  { color: 'bgr', mean: [127, 10, 3], std: [128, 2, 5] },
  { layout: 'NCHW', scale: 1 / 255, mean: [0.5], std: [0.25] },
  { layout: 'NCHW', color: 'bgr' },
]

/** The packing and the size of the tensor of a model with these settings. */
function packingFor(settings: ImageSettings, width: number, height: number) {
  const shape = [1, null, null, null]
  return packingOf(planFor({ layout: 'NHWC', ...settings, width, height }, shape))
}

const SIZES = [
  [640, 480, 224, 224],
  [57, 31, 8, 9],
  [8, 9, 31, 57],
  [1, 1, 5, 4],
  [5, 4, 1, 1],
  [200, 2, 150, 300],
  [1000, 3, 1, 2],
  // A window many times wider than what is left of it at the edge.
  [20_000, 2, 4, 3],
] as const

describe.each(SIZES)('%i×%i to %i×%i', (fromWidth, fromHeight, width, height) => {
  const image = noise(fromWidth, fromHeight)
  const regions = [
    whole(image),
    // Neither the first nor the last column and row, where there are others.
    {
      left: Math.min(1, fromWidth - 1),
      top: Math.min(1, fromHeight - 1),
      width: Math.max(1, fromWidth - 2),
      height: Math.max(1, fromHeight - 2),
    },
  ]
  const plain = new Float32Array(width * height * 3)
  const fast = new Float32Array(width * height * 3)

  it.each(LAYOUTS)('tensorflow-bilinear %j', (settings) => {
    const packing = packingFor(settings, width, height)
    for (const region of regions) {
      resizeTensorflow(image, region, width, height, packing, plain)
      expect(resizeTensorflowSimd(image, region, width, height, packing, fast)).toBe(true)
      expect(difference(fast, plain).max).toBeLessThan(1e-4)
    }
  })

  it.each(LAYOUTS)('pillow %j', (settings) => {
    const packing = packingFor(settings, width, height)
    for (const region of regions) {
      for (const filter of ['bilinear', 'bicubic'] as const) {
        const resized = resizePillow(image, region, width, height, filter)
        pack(resized, whole(resized), packing, plain)
        expect(resizePillowSimd(image, region, width, height, filter, packing, fast)).toBe(true)
        // Before the packing they are equal; a level more would be 1 / 128 or far more.
        expect(difference(fast, plain).max).toBeLessThan(1e-4)
      }
    }
  })
})

it.each(LAYOUTS)('pack %j', (settings) => {
  const image = noise(37, 23)
  const region = { left: 3, top: 2, width: 33, height: 20 }
  const packing = packingFor(settings, region.width, region.height)
  const plain = new Float32Array(33 * 20 * 3)
  const fast = new Float32Array(33 * 20 * 3)
  pack(image, region, packing, plain)
  expect(packSimd(image, region, packing, fast)).toBe(true)
  expect(difference(fast, plain).max).toBeLessThan(1e-4)
})

describe('left to the plain loops', () => {
  it('an image of one channel', () => {
    const gray = noise(9, 9, 1)
    const packing = packingOf(planFor({ width: 4, height: 4 }, [1, null, null, 1]))
    const into = new Float32Array(16)
    expect(packSimd(gray, { ...whole(gray), width: 4, height: 4 }, packing, into)).toBe(false)
    expect(resizeTensorflowSimd(gray, whole(gray), 4, 4, packing, into)).toBe(false)
    expect(resizePillowSimd(gray, whole(gray), 4, 4, 'bicubic', packing, into)).toBe(false)
  })

  it('a tensor that is larger than the memory of the kernels', () => {
    const image = noise(2, 2)
    const packing = packingFor({}, 2000, 2000)
    const into = new Float32Array(2000 * 2000 * 3)
    expect(resizeTensorflowSimd(image, whole(image), 2000, 2000, packing, into)).toBe(false)
    expect(resizePillowSimd(image, whole(image), 2000, 2000, 'bilinear', packing, into)).toBe(false)
  })

  it('an image whose columns come first', () => {
    const tall = noise(3, 300)
    const into = new Float32Array(64 * 64 * 3)
    const packing = packingFor({}, 64, 64)
    expect(resizePillowSimd(tall, whole(tall), 64, 64, 'bicubic', packing, into)).toBe(false)
  })
})

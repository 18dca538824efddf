import { describe, expect, it } from 'vitest'

import type { ImageSettings } from '../../../src/domain/manifest.ts'
import type { Tensor } from '../../../src/domain/tensor.ts'
import { cropRegion } from '../../../src/worker/image/crop.ts'
import type { Pixels } from '../../../src/worker/image/pixels.ts'
import { toTensor } from '../../../src/worker/image/preprocess.ts'
import { difference, planFor } from './support.ts'

/** Two by one: a red-ish and a blue-ish pixel. */
const PAIR: Pixels = {
  pixels: Uint8Array.from([200, 100, 50, 10, 20, 250]),
  width: 2,
  height: 1,
  channels: 3,
}
const SIZE = { width: 2, height: 1 }

function floats({ data }: Tensor): number[] {
  return [...new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4)]
}

function noise(width: number, height: number): Pixels {
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 251)
  return { pixels, width, height, channels: 3 }
}

describe('an image of the right size is only packed', () => {
  it.each<[string, ImageSettings, number[]]>([
    ['as it is', {}, [200, 100, 50, 10, 20, 250]],
    ['BGR', { color: 'bgr' }, [50, 100, 200, 250, 20, 10]],
    ['planar', { layout: 'NCHW' }, [200, 10, 100, 20, 50, 250]],
    ['planar BGR', { layout: 'NCHW', color: 'bgr' }, [50, 250, 100, 20, 200, 10]],
    ['normalised', { scale: 0.5, mean: [100, 50, 25], std: [2, 4, 1] }, [0, 0, 0, -47.5, -10, 100]],
    [
      // The mean and std are those of the tensor's channels: blue first.
      'normalised BGR',
      { color: 'bgr', mean: [50, 100, 200], std: [1, 2, 4] },
      [0, 0, 0, 200, -40, -47.5],
    ],
    ['one mean and std for all', { mean: [10], std: [10] }, [19, 9, 4, 0, 1, 24]],
  ])('%s', (_, settings, expected) => {
    const shape = settings.layout === 'NCHW' ? [1, 3, null, null] : [1, null, null, 3]
    const tensor = toTensor(PAIR, planFor({ ...SIZE, ...settings }, shape))
    expect(floats(tensor)).toEqual(expected)
    expect(tensor.shape).toEqual(settings.layout === 'NCHW' ? [1, 3, 1, 2] : [1, 1, 2, 3])
  })

  it.each(['tensorflow-bilinear', 'pillow-bilinear', 'pillow-bicubic'] as const)(
    'whatever the method: %s',
    (resize) => {
      const image = noise(19, 13)
      const tensor = toTensor(image, planFor({ width: 19, height: 13, resize }))
      expect(floats(tensor)).toEqual([...image.pixels])
    },
  )
})

describe('a resize goes through the same packing', () => {
  it.each(['tensorflow-bilinear', 'pillow-bicubic'] as const)('%s', (resize) => {
    const image = noise(61, 47)
    const size = { width: 32, height: 24, resize }
    const plain = floats(toTensor(image, planFor(size)))
    const mean = [10, 20, 30]
    const std = [2, 3, 4]
    const packed = floats(
      toTensor(image, planFor({ ...size, color: 'bgr', mean, std }, [1, 3, null, null])),
    )
    const expected = Array.from(packed, (_, i) => {
      const channel = Math.floor(i / (32 * 24))
      const pixel = i % (32 * 24)
      const value = plain[pixel * 3 + 2 - channel] ?? 0
      return (value - (mean[channel] ?? 0)) / (std[channel] ?? 1)
    })
    expect(difference(packed, expected).max).toBeLessThan(1e-4)
  })
})

describe('the shape', () => {
  it('has no batch where the input has none', () => {
    const tensor = toTensor(PAIR, planFor({}, [1, 2, 3]))
    expect(tensor.shape).toEqual([1, 2, 3])
  })
})

describe('the dtype', () => {
  const gray: Pixels = {
    pixels: Uint8Array.from([0, 1, 3, 5, 255]),
    width: 5,
    height: 1,
    channels: 1,
  }
  const shape = [1, 1, 5, 1]

  it.each([
    ['uint8', { scale: 0.5 }, [0, 0, 2, 2, 128]],
    ['uint8', { scale: 2, mean: [4] }, [0, 0, 2, 6, 255]],
    ['int8', { mean: [128] }, [-128, -127, -125, -123, 127]],
    ['int8', { scale: 0.5, mean: [1] }, [-1, 0, 0, 2, 126]],
    ['int8', { scale: 2, mean: [255] }, [-128, -128, -128, -128, 127]],
    ['int32', { scale: -0.5 }, [0, 0, -2, -2, -128]],
    ['int32', { scale: 1e9 }, [0, 1e9, 2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1]],
  ] as const)('%s rounds half to even and saturates: %o', (dtype, settings, expected) => {
    const { data, ...tensor } = toTensor(gray, planFor(settings, shape, dtype))
    expect(tensor).toEqual({ dtype, shape })
    const { buffer } = data
    const values = {
      uint8: () => new Uint8Array(buffer),
      int8: () => new Int8Array(buffer),
      int32: () => new Int32Array(buffer),
    }[dtype]()
    expect([...values]).toEqual(expected)
  })

  it('float16 is two bytes of a half', () => {
    const { data } = toTensor(gray, planFor({ mean: [1], std: [2] }, shape, 'float16'))
    // −0.5, 0, 1, 2, 127
    expect([...new Uint16Array(data.buffer)]).toEqual([0xb800, 0, 0x3c00, 0x4000, 0x57f0])
  })
})

describe('the crop', () => {
  it.each([
    [640, 480, 0.875, { left: 110, top: 30, width: 420, height: 420 }],
    [451, 300, 0.875, { left: 95, top: 19, width: 262, height: 262 }],
    [100, 101, 1, { left: 0, top: 1, width: 100, height: 100 }],
    [10, 10, undefined, { left: 0, top: 0, width: 10, height: 10 }],
    [1, 1, 0.5, { left: 0, top: 0, width: 1, height: 1 }],
  ])('of %i×%i by %o', (width, height, crop, region) => {
    const image: Pixels = { pixels: new Uint8Array(0), width, height, channels: 3 }
    expect(cropRegion(image, crop)).toEqual(region)
  })

  it('is cut out before the resize', () => {
    const image = noise(20, 10)
    const side = 8
    const cut = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
      const [y, x] = [Math.floor(i / (side * 3)) + 1, (i % (side * 3)) + 6 * 3]
      return image.pixels[y * 60 + x] ?? 0
    })
    for (const resize of ['tensorflow-bilinear', 'pillow-bicubic'] as const) {
      for (const size of [5, 8, 16]) {
        const settings = { width: size, height: size, resize }
        const cropped = toTensor(image, planFor({ ...settings, crop: 0.8 }))
        const alone = { pixels: cut, width: side, height: side, channels: 3 } as const
        expect(floats(cropped)).toEqual(floats(toTensor(alone, planFor(settings))))
      }
    }
  })
})

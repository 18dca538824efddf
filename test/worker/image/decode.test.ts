import { deflateSync, crc32 } from 'node:zlib'

import sharp from 'sharp'
import { describe, expect, it } from 'vitest'

import { decodeImage } from '../../../src/worker/image/decode.ts'
import { difference, fixture, PIXELS_MAX } from './support.ts'

const RGB = { channels: 3, orient: false, alpha: 'drop' } as const
const GRAY = { ...RGB, channels: 1 } as const
const LIMIT = { pixelsMax: PIXELS_MAX }

function codec(name: string): Buffer {
  return fixture(`images/codecs/${name}`)
}

const original = await decodeImage(codec('cat.png'), RGB, LIMIT)

function luma([red = 0, green = 0, blue = 0]: readonly number[]): number {
  return Math.floor((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) / 0x1_0000)
}

const originalGray = Array.from({ length: original.pixels.length / 3 }, (_, i) =>
  luma([...original.pixels.subarray(i * 3, i * 3 + 3)]),
)

describe('RGB', () => {
  it.each([
    // Lossless, and what transparency hides is the cat itself.
    ['cat.png', 0],
    ['cat_alpha.png', 0],
    ['cat_palette.png', 6],
    ['cat_q90.jpg', 4],
    ['cat_progressive.jpg', 4],
    ['cat_444.jpg', 3],
    ['cat.webp', 5],
    // Its inks go through a colour profile.
    ['cat_cmyk.jpg', 10],
  ])('%s', async (name, meanMax) => {
    const { width, height, channels, pixels } = await decodeImage(codec(name), RGB, LIMIT)
    expect({ width, height, channels }).toEqual({ width: 226, height: 150, channels: 3 })
    expect(difference(pixels, original.pixels).mean).toBeLessThanOrEqual(meanMax)
  })

  it.each(['cat_gray.jpg', 'cat_gray16.png'])('%s has three equal channels', async (name) => {
    const { pixels, channels } = await decodeImage(codec(name), RGB, LIMIT)
    expect(channels).toBe(3)
    const red = pixels.filter((_, i) => i % 3 === 0)
    expect(pixels.every((value, i) => value === red[Math.floor(i / 3)])).toBe(true)
    expect(difference(red, originalGray).mean).toBeLessThan(4)
  })

  it('takes the first frame of an animation', async () => {
    const frames = Buffer.concat([Buffer.alloc(8 * 8 * 3, 200), Buffer.alloc(8 * 8 * 3, 20)])
    const animated = await sharp(frames, {
      raw: { width: 8, height: 16, channels: 3, pageHeight: 8 },
    })
      .webp({ lossless: true })
      .toBuffer()
    const { width, height, pixels } = await decodeImage(animated, RGB, LIMIT)
    expect([width, height]).toEqual([8, 8])
    expect(new Set(pixels)).toEqual(new Set([200]))
  })

  it('ignores colour profiles', async () => {
    const plain = Buffer.alloc(4 * 4 * 3, 0)
    plain.forEach((_, i) => (plain[i] = i % 3 === 0 ? 220 : 40))
    const raw = sharp(plain, { raw: { width: 4, height: 4, channels: 3 } })
    const tagged = await raw.withIccProfile('p3').png().toBuffer()
    const kept = await decodeImage(tagged, RGB, LIMIT)
    const stored = await sharp(tagged, { ignoreIcc: true }).raw().toBuffer()
    expect(Buffer.from(kept.pixels).equals(stored)).toBe(true)
    expect((await sharp(tagged).raw().toBuffer()).equals(stored)).toBe(false)
  })
})

describe('gray', () => {
  it('is luma of the RGB, as Pillow computes it', async () => {
    const { pixels, channels } = await decodeImage(codec('cat.png'), GRAY, LIMIT)
    expect(channels).toBe(1)
    expect([...pixels]).toEqual(originalGray)
  })

  it('of a gray image is the image', async () => {
    const rgb = await decodeImage(codec('cat_gray.jpg'), RGB, LIMIT)
    const gray = await decodeImage(codec('cat_gray.jpg'), GRAY, LIMIT)
    expect(gray.pixels).toEqual(rgb.pixels.filter((_, i) => i % 3 === 0))
  })
})

describe('orientation', () => {
  it('is ignored unless asked for', async () => {
    const { width, height } = await decodeImage(codec('cat_exif6.jpg'), RGB, LIMIT)
    expect([width, height]).toEqual([150, 226])
  })

  it('is applied when asked for', async () => {
    const plan = { ...RGB, orient: true }
    const { width, height, pixels } = await decodeImage(codec('cat_exif6.jpg'), plan, LIMIT)
    expect([width, height]).toEqual([226, 150])
    expect(difference(pixels, original.pixels).mean).toBeLessThan(4)
  })
})

describe('transparency', () => {
  // Red opaque, green half there, blue invisible.
  const stored = Buffer.from([255, 0, 0, 255, 0, 255, 0, 128, 0, 0, 255, 0])
  const encoded = sharp(stored, { raw: { width: 3, height: 1, channels: 4 } })
    .png()
    .toBuffer()

  it.each([
    ['drop', [255, 0, 0, 0, 255, 0, 0, 0, 255]],
    ['white', [255, 0, 0, 127, 255, 127, 255, 255, 255]],
    ['black', [255, 0, 0, 0, 128, 0, 0, 0, 0]],
  ] as const)('%s', async (alpha, expected) => {
    const { pixels } = await decodeImage(await encoded, { ...RGB, alpha }, LIMIT)
    expect([...pixels]).toEqual(expected)
  })

  it('does nothing to an image without it', async () => {
    const { pixels } = await decodeImage(codec('cat.png'), { ...RGB, alpha: 'white' }, LIMIT)
    expect(difference(pixels, original.pixels).max).toBe(0)
  })

  it('of a gray image is blended too', async () => {
    const gray = await sharp(Buffer.from([0, 255, 0, 0]), {
      raw: { width: 2, height: 1, channels: 2 },
    })
      .toColourspace('b-w')
      .png()
      .toBuffer()
    const { pixels } = await decodeImage(gray, { ...RGB, alpha: 'white' }, LIMIT)
    expect([...pixels]).toEqual([0, 0, 0, 255, 255, 255])
  })
})

describe('refusals', () => {
  it.each([
    ['bad_empty.png', 'IMAGE_EMPTY', /send a JPEG/],
    ['bad_not_image.jpg', 'IMAGE_UNDECODABLE', /not an image/],
    ['bad_truncated.jpg', 'IMAGE_UNDECODABLE', /premature end/],
    ['cat.gif', 'IMAGE_FORMAT_UNSUPPORTED', /GIF.*send a JPEG/],
    ['cat.bmp', 'IMAGE_FORMAT_UNSUPPORTED', /BMP.*send a JPEG/],
  ])('%s: %s', async (name, code, message) => {
    await expect(decodeImage(codec(name), RGB, LIMIT)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
  })

  it.each(['cat.png', 'cat.webp', 'cat_progressive.jpg', 'cat_palette.png'])(
    'half of %s is undecodable',
    async (name) => {
      const whole = codec(name)
      const half = whole.subarray(0, whole.length >> 1)
      await expect(decodeImage(half, RGB, LIMIT)).rejects.toMatchObject({
        code: 'IMAGE_UNDECODABLE',
      })
    },
  )

  it.each(['\xff\xd8\xff\xe0', '\x89PNG\r\n\x1a\n', 'RIFF\0\0\0\0WEBP'])(
    'a bare signature %j is undecodable',
    async (signature) => {
      await expect(decodeImage(Buffer.from(signature, 'latin1'), RGB, LIMIT)).rejects.toMatchObject(
        { code: 'IMAGE_UNDECODABLE' },
      )
    },
  )

  it('an SVG is told by name, and no loader would open it', async () => {
    const svg = Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')
    await expect(decodeImage(svg, RGB, LIMIT)).rejects.toMatchObject({
      code: 'IMAGE_FORMAT_UNSUPPORTED',
    })
    await expect(sharp(svg).raw().toBuffer()).rejects.toThrow(/unsupported image format/)
  })

  it('no image is read from a file', async () => {
    const path = new URL('../../fixtures/images/codecs/cat.png', import.meta.url).pathname
    await expect(sharp(path).raw().toBuffer()).rejects.toThrow(/unsupported image format/)
  })
})

describe('the pixel bound', () => {
  it('is inclusive', async () => {
    const { width, height } = original
    await decodeImage(codec('cat.png'), RGB, { pixelsMax: width * height })
    await expect(
      decodeImage(codec('cat.png'), RGB, { pixelsMax: width * height - 1 }),
    ).rejects.toMatchObject({
      code: 'IMAGE_TOO_MANY_PIXELS',
      message: expect.stringContaining('226 × 150 = 33900 pixels; at most 33899') as string,
    })
  })

  it('holds for a side too', async () => {
    const line = onePaletteBit(70_000, 1)
    await expect(decodeImage(line, RGB, LIMIT)).rejects.toMatchObject({
      code: 'IMAGE_TOO_MANY_PIXELS',
      message: expect.stringContaining('70000 × 1 pixels; a side may have at most 65535') as string,
    })
  })

  it('stops a small file of a huge image before memory is taken', async () => {
    const bomb = onePaletteBit(20_000, 20_000)
    expect(bomb.length).toBeLessThan(100_000)
    const before = process.memoryUsage.rss()
    await expect(decodeImage(bomb, RGB, LIMIT)).rejects.toMatchObject({
      code: 'IMAGE_TOO_MANY_PIXELS',
      message: expect.stringContaining('20000 × 20000 = 400000000 pixels') as string,
    })
    // Decoded it takes 1.2 GB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(100e6)
  })
})

/** A valid PNG of one bit per pixel, all zero. */
function onePaletteBit(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([1, 3], 8)
  const scanlines = Buffer.alloc(height * (1 + Math.ceil(width / 8)))
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from([0, 0, 0, 255, 255, 255])),
    chunk('IDAT', deflateSync(scanlines)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(typed.length + 8)
  framed.writeUInt32BE(data.length, 0)
  typed.copy(framed, 4)
  framed.writeUInt32BE(crc32(typed), typed.length + 4)
  return framed
}

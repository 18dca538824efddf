import sharp, { type SharpOptions } from 'sharp'

import { CutoverError, messageOf } from '../../domain/errors.ts'
import { checkImageFormat } from '../../domain/image-format.ts'
import type { ImagePlan } from '../../domain/image-plan.ts'
import { toGray } from './gray.ts'
import type { Pixels } from './pixels.ts'

// Hostile bytes meet as little C as possible: three loaders, from memory, and nothing else.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
})
// No image comes twice, and images decode beside each other rather than in parts.
sharp.cache(false)
sharp.concurrency(1)

/** What a JPEG can have. A resize computes weights for each, so a line of a million is refused. */
const SIDE_MAX = 65_535

/** An image within the pixel bound decodes in well under a second. */
const DECODE_SECONDS_MAX = 10

export interface DecodeOptions {
  /** Width × height of the largest image that is decoded. */
  readonly pixelsMax: number
}

/**
 * Decodes a JPEG, PNG or WebP (the first frame of an animated one) to the channels of the plan.
 * RGB of 8 bits is what Pillow gives bit for bit: colour profiles are ignored, 16 bits become 8,
 * a palette is resolved; except that CMYK goes through a profile, to truer colours than Pillow's.
 * Orientation and transparency are treated as the plan says; a dropped alpha shows what it hid.
 *
 * Throws IMAGE_EMPTY, IMAGE_FORMAT_UNSUPPORTED, IMAGE_TOO_MANY_PIXELS (for `pixelsMax`
 * before any pixel is decoded) or IMAGE_UNDECODABLE.
 */
export async function decodeImage(
  encoded: Uint8Array,
  plan: Pick<ImagePlan, 'channels' | 'orient' | 'alpha'>,
  { pixelsMax }: DecodeOptions,
): Promise<Pixels> {
  checkImageFormat(encoded)
  const options: SharpOptions = {
    limitInputPixels: pixelsMax,
    failOn: 'truncated',
    ignoreIcc: true,
    autoOrient: plan.orient,
  }
  let image = sharp(encoded, options)
  if (plan.alpha !== 'drop') image = image.flatten({ background: plan.alpha })
  let decoded
  try {
    decoded = await image
      .removeAlpha()
      .toColourspace('srgb')
      .timeout({ seconds: DECODE_SECONDS_MAX })
      .raw()
      .toBuffer({ resolveWithObject: true })
  } catch (error) {
    throw await failureOf(error, encoded, pixelsMax)
  }
  const { data, info } = decoded
  if (info.channels !== 3) throw new TypeError(`sharp gave ${info.channels} channels for sRGB`)
  const rgb = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const { width, height } = info
  if (Math.max(width, height) > SIDE_MAX) {
    throw new CutoverError(
      'IMAGE_TOO_MANY_PIXELS',
      `the image is ${width} × ${height} pixels; a side may have at most ${SIDE_MAX}: send a ` +
        'smaller one',
    )
  }
  const pixels = plan.channels === 1 ? toGray(rgb) : rgb
  return { pixels, width, height, channels: plan.channels }
}

/** sharp's errors have no codes, so the one that is not about corrupt data is told by its text. */
async function failureOf(
  cause: unknown,
  encoded: Uint8Array,
  pixelsMax: number,
): Promise<CutoverError> {
  const [sentence = ''] = messageOf(cause).split('\n')
  if (sentence.includes('exceeds pixel limit')) {
    // Reads the header alone.
    const { width, height } = await sharp(encoded, { limitInputPixels: false }).metadata()
    return new CutoverError(
      'IMAGE_TOO_MANY_PIXELS',
      `the image has ${width} × ${height} = ${width * height} pixels; at most ${pixelsMax} are ` +
        'decoded: send a smaller one',
      { cause },
    )
  }
  return new CutoverError('IMAGE_UNDECODABLE', `the image cannot be decoded: ${sentence}`, {
    cause,
  })
}

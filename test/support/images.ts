import sharp from 'sharp'

/** A small image of one shade: the misbehaving models answer a dark one and choke on a bright one. */
export function shade(value: number, format: 'png' | 'jpeg' | 'webp' = 'png'): Promise<Buffer> {
  return sharp({
    create: { width: 16, height: 16, channels: 3, background: { r: value, g: value, b: value } },
  })
    .toFormat(format)
    .toBuffer()
}

export const dark = await shade(10)
export const bright = await shade(250)

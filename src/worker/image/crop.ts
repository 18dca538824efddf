import type { Pixels, Region } from './pixels.ts'

/**
 * The part of an image the model looks at: all of it, or the centre square whose side is `crop`
 * of the short side, rounded down, and at least one pixel. Where the margin is odd the square
 * sits half a pixel right and down, as in the preprocessing of EfficientNet.
 */
export function cropRegion({ width, height }: Pixels, crop: number | undefined): Region {
  if (crop === undefined) return { left: 0, top: 0, width, height }
  const side = Math.max(1, Math.floor(crop * Math.min(width, height)))
  return {
    left: Math.floor((width - side + 1) / 2),
    top: Math.floor((height - side + 1) / 2),
    width: side,
    height: side,
  }
}

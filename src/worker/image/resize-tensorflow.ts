import type { Packing } from './packing.ts'
import type { Pixels, Region } from './pixels.ts'

/**
 * `tf.image.resize(image, [height, width])`: bilinear, half-pixel centres, no antialiasing, the
 * edges repeated, in float32. A pixel of the result lies at (x + 0.5) × in / out − 0.5 of the
 * source and blends the four pixels around it (TensorFlow's ResizeBilinear kernel, whose
 * positions are float32 and so are these). Values are written through `packing`.
 */
export function resizeTensorflow(
  image: Pixels,
  region: Region,
  width: number,
  height: number,
  packing: Packing,
  into: Float32Array,
): void {
  const columns = tapsOf(region.width, width, region.left, image.channels)
  const rows = tapsOf(region.height, height, region.top, image.width * image.channels)
  if (image.channels === 3) resizeRgb(image.pixels, columns, rows, packing, into)
  else resizeGray(image.pixels, columns, rows, packing, into)
}

/** For each position of the result along one axis: two places in the source and their blend. */
export interface Taps {
  /** Elements from the start of the image. */
  readonly lower: Int32Array
  readonly upper: Int32Array
  /** Share of `upper`. */
  readonly blend: Float32Array
}

/** Takes 2 µs for 224 positions: a hundredth of the resize, not worth keeping. */
export function tapsOf(from: number, to: number, start: number, stride: number): Taps {
  const lower = new Int32Array(to)
  const upper = new Int32Array(to)
  const blend = new Float32Array(to)
  const scale = Math.fround(from / to)
  for (let i = 0; i < to; i++) {
    const at = Math.fround(Math.fround((i + 0.5) * scale) - 0.5)
    const floor = Math.floor(at)
    lower[i] = (start + Math.max(floor, 0)) * stride
    upper[i] = (start + Math.min(Math.ceil(at), from - 1)) * stride
    blend[i] = at - floor
  }
  return { lower, upper, blend }
}

/** One pass, the three channels unrolled: this loop is most of what an image costs in JavaScript. */
function resizeRgb(
  pixels: Uint8Array,
  columns: Taps,
  rows: Taps,
  { stride, offset, gain, bias }: Packing,
  into: Float32Array,
): void {
  const [red = 0, green = 0, blue = 0] = offset
  const [redGain = 1, greenGain = 1, blueGain = 1] = gain
  const [redBias = 0, greenBias = 0, blueBias = 0] = bias
  const { lower, upper, blend } = columns
  const width = lower.length
  let to = 0
  for (let y = 0; y < rows.lower.length; y++) {
    const top = rows.lower[y] ?? 0
    const bottom = rows.upper[y] ?? 0
    const v = rows.blend[y] ?? 0
    for (let x = 0; x < width; x++) {
      const left = lower[x] ?? 0
      const right = upper[x] ?? 0
      const u = blend[x] ?? 0
      const topLeft = top + left
      const topRight = top + right
      const bottomLeft = bottom + left
      const bottomRight = bottom + right
      let a = pixels[topLeft] ?? 0
      let b = pixels[bottomLeft] ?? 0
      a += ((pixels[topRight] ?? 0) - a) * u
      b += ((pixels[bottomRight] ?? 0) - b) * u
      into[to + red] = (a + (b - a) * v) * redGain + redBias
      a = pixels[topLeft + 1] ?? 0
      b = pixels[bottomLeft + 1] ?? 0
      a += ((pixels[topRight + 1] ?? 0) - a) * u
      b += ((pixels[bottomRight + 1] ?? 0) - b) * u
      into[to + green] = (a + (b - a) * v) * greenGain + greenBias
      a = pixels[topLeft + 2] ?? 0
      b = pixels[bottomLeft + 2] ?? 0
      a += ((pixels[topRight + 2] ?? 0) - a) * u
      b += ((pixels[bottomRight + 2] ?? 0) - b) * u
      into[to + blue] = (a + (b - a) * v) * blueGain + blueBias
      to += stride
    }
  }
}

function resizeGray(
  pixels: Uint8Array,
  columns: Taps,
  rows: Taps,
  { stride, gain, bias }: Packing,
  into: Float32Array,
): void {
  const [grayGain = 1] = gain
  const [grayBias = 0] = bias
  const { lower, upper, blend } = columns
  let to = 0
  for (let y = 0; y < rows.lower.length; y++) {
    const top = rows.lower[y] ?? 0
    const bottom = rows.upper[y] ?? 0
    const v = rows.blend[y] ?? 0
    for (let x = 0; x < lower.length; x++) {
      const left = lower[x] ?? 0
      const right = upper[x] ?? 0
      const u = blend[x] ?? 0
      let a = pixels[top + left] ?? 0
      let b = pixels[bottom + left] ?? 0
      a += ((pixels[top + right] ?? 0) - a) * u
      b += ((pixels[bottom + right] ?? 0) - b) * u
      into[to] = (a + (b - a) * v) * grayGain + grayBias
      to += stride
    }
  }
}

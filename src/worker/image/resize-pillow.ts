import { type PillowFilter, PRECISION_BITS, type Windows, windowsOf } from './pillow-windows.ts'
import type { Pixels, Region } from './pixels.ts'

const HALF = 1 << (PRECISION_BITS - 1)

/**
 * Pillow's `Image.resize` with antialiasing, bit for bit (its `Resample.c`): a convolution along
 * each axis with fixed-point weights, the first result rounded to 8 bits before the second.
 */
export function resizePillow(
  image: Pixels,
  region: Region,
  width: number,
  height: number,
  filter: PillowFilter,
): Pixels {
  const { pixels, channels } = image
  const horizontal = windowsOf(region.width, width, filter)
  const vertical = windowsOf(region.height, height, filter)
  const start = (region.top * image.width + region.left) * channels
  const stride = image.width * channels
  const rowsFirst = convolvesRowsFirst(region, width, height)
  const between = rowsFirst
    ? convolveRows(pixels, start, stride, region.height, channels, horizontal)
    : convolveColumns(pixels, start, stride, region.width * channels, vertical)
  const resized = rowsFirst
    ? convolveColumns(between, 0, width * channels, width * channels, vertical)
    : convolveRows(between, 0, region.width * channels, height, channels, horizontal)
  return { pixels: resized, width, height, channels }
}

/**
 * Pillow 13's rule. Before 13 the rows always came first; where the rule says otherwise (images
 * far taller than wide) results differ from those versions by a few levels, and a thin image is
 * never stretched to the full width at its full height, which would take gigabytes.
 */
export function convolvesRowsFirst(region: Region, width: number, height: number): boolean {
  const shrinksBy = region.height - height
  return shrinksBy <= 0 || shrinksBy <= 2 * (region.width - width)
}

/** A sum of values × weights, back to 8 bits. Sums stay within 32: |weights| add up to under 2. */
function clip(sum: number): number {
  const value = sum >> PRECISION_BITS
  return value < 0 ? 0 : value > 255 ? 255 : value
}

function convolveRows(
  pixels: Uint8Array,
  start: number,
  stride: number,
  rows: number,
  channels: 1 | 3,
  windows: Windows,
): Uint8Array {
  const into = new Uint8Array(rows * windows.first.length * channels)
  const convolveRow = channels === 3 ? convolveRowRgb : convolveRowGray
  const rowBytes = windows.first.length * channels
  for (let y = 0; y < rows; y++) {
    convolveRow(pixels, start + y * stride, windows, into, y * rowBytes)
  }
  return into
}

function convolveRowRgb(
  pixels: Uint8Array,
  row: number,
  { first, length, weights, size }: Windows,
  into: Uint8Array,
  at: number,
): void {
  let to = at
  for (let x = 0; x < first.length; x++) {
    const end = x * size + (length[x] ?? 0)
    let from = row + (first[x] ?? 0) * 3
    let red = HALF
    let green = HALF
    let blue = HALF
    for (let k = x * size; k < end; k++) {
      const weight = weights[k] ?? 0
      red = (red + Math.imul(pixels[from] ?? 0, weight)) | 0
      green = (green + Math.imul(pixels[from + 1] ?? 0, weight)) | 0
      blue = (blue + Math.imul(pixels[from + 2] ?? 0, weight)) | 0
      from += 3
    }
    into[to] = clip(red)
    into[to + 1] = clip(green)
    into[to + 2] = clip(blue)
    to += 3
  }
}

function convolveRowGray(
  pixels: Uint8Array,
  row: number,
  { first, length, weights, size }: Windows,
  into: Uint8Array,
  at: number,
): void {
  for (let x = 0; x < first.length; x++) {
    const end = x * size + (length[x] ?? 0)
    let from = row + (first[x] ?? 0)
    let gray = HALF
    for (let k = x * size; k < end; k++) {
      gray = (gray + Math.imul(pixels[from] ?? 0, weights[k] ?? 0)) | 0
      from += 1
    }
    into[at + x] = clip(gray)
  }
}

/** Row by row, a weight at a time, so that memory is read in order; channels do not matter here. */
function convolveColumns(
  pixels: Uint8Array,
  start: number,
  stride: number,
  rowBytes: number,
  { first, length, weights, size }: Windows,
): Uint8Array {
  const into = new Uint8Array(first.length * rowBytes)
  const sums = new Int32Array(rowBytes)
  for (let y = 0; y < first.length; y++) {
    sums.fill(HALF)
    const end = y * size + (length[y] ?? 0)
    let from = start + (first[y] ?? 0) * stride
    for (let k = y * size; k < end; k++) {
      const weight = weights[k] ?? 0
      for (let i = 0; i < rowBytes; i++) {
        sums[i] = ((sums[i] ?? 0) + Math.imul(pixels[from + i] ?? 0, weight)) | 0
      }
      from += stride
    }
    const to = y * rowBytes
    for (let i = 0; i < rowBytes; i++) into[to + i] = clip(sums[i] ?? 0)
  }
  return into
}

/**
 * RGB to gray by ITU-R 601 luma in 16-bit fixed point, rounded: what Pillow's `convert('L')`
 * computes. Equal channels stay as they are.
 */
export function toGray(rgb: Uint8Array): Uint8Array {
  const gray = new Uint8Array(rgb.length / 3)
  for (let i = 0, from = 0; i < gray.length; i++, from += 3) {
    const red = rgb[from] ?? 0
    const green = rgb[from + 1] ?? 0
    const blue = rgb[from + 2] ?? 0
    gray[i] = (red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16
  }
  return gray
}

import type { Packing } from '../packing.ts'
import type { Pixels, Region } from '../pixels.ts'
import { AFFINE_BYTES, Places, targetOf, writeAffine } from './places.ts'

/**
 * What `pack` does, to the last bits of float32. Answers false, having done nothing, where the
 * kernels cannot do it.
 */
export function packSimd(
  image: Pixels,
  region: Region,
  packing: Packing,
  into: Float32Array,
): boolean {
  const { pixels } = image
  const rowBytes = region.width * 3
  const places = new Places()
  const source = places.take(rowBytes)
  const affine = places.take(AFFINE_BYTES)
  const output = places.take(into.byteLength)
  const kernels = places.kernelsFor(image)
  if (kernels === undefined) return false

  const view = kernels.memory(places.bytes)
  const bytes = new Uint8Array(view.buffer)
  writeAffine(view, affine, packing)
  const { red, green, blue, stride } = targetOf(packing, output)
  for (let y = 0; y < region.height; y++) {
    const from = ((region.top + y) * image.width + region.left) * 3
    bytes.set(pixels.subarray(from, from + rowBytes), source)
    const to = y * region.width * stride
    kernels.packRow(source, source + rowBytes, affine, red + to, green + to, blue + to, stride)
  }
  into.set(new Float32Array(view.buffer, output, into.length))
  return true
}

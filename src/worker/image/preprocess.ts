import type { ImagePlan } from '../../domain/image-plan.ts'
import { bytesPerElement, elementCount, type Tensor } from '../../domain/tensor.ts'
import { convert } from './convert.ts'
import { cropRegion } from './crop.ts'
import { pack, packingOf } from './packing.ts'
import type { Pixels } from './pixels.ts'
import { resizePillow } from './resize-pillow.ts'
import { resizeTensorflow } from './resize-tensorflow.ts'
import { packSimd } from './simd/pack.ts'
import { resizePillowSimd } from './simd/resize-pillow.ts'
import { resizeTensorflowSimd } from './simd/resize-tensorflow.ts'

/**
 * The input tensor of one image: crop, resize, (value × scale − mean) / std, colour order, layout,
 * dtype, as the plan has them. The image comes in the plan's channels, as `decodeImage` gives it.
 * The data is a fresh buffer, the caller's own.
 */
export function toTensor(image: Pixels, plan: ImagePlan): Tensor {
  const { dtype, shape } = plan
  const count = elementCount(shape)
  const values = new Float32Array(count)
  writeValues(image, plan, values)
  if (dtype === 'float32') return { dtype, shape, data: new Uint8Array(values.buffer) }
  const data = new Uint8Array(count * bytesPerElement(dtype))
  convert(values, dtype, data)
  return { dtype, shape, data }
}

/** Vectors where they can do it, plain loops (gray, huge images) where they cannot. */
function writeValues(image: Pixels, plan: ImagePlan, into: Float32Array): void {
  const { width, height, resize, crop } = plan
  const region = cropRegion(image, crop)
  const packing = packingOf(plan)
  if (region.width === width && region.height === height) {
    // Every method leaves an image of the right size as it is.
    if (packSimd(image, region, packing, into)) return
    pack(image, region, packing, into)
  } else if (resize === 'tensorflow-bilinear') {
    if (resizeTensorflowSimd(image, region, width, height, packing, into)) return
    resizeTensorflow(image, region, width, height, packing, into)
  } else {
    const filter = resize === 'pillow-bilinear' ? 'bilinear' : 'bicubic'
    if (resizePillowSimd(image, region, width, height, filter, packing, into)) return
    const resized = resizePillow(image, region, width, height, filter)
    pack(resized, { left: 0, top: 0, width, height }, packing, into)
  }
}

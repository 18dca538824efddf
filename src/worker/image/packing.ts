import type { ImagePlan } from '../../domain/image-plan.ts'
import type { Pixels, Region } from './pixels.ts'

/**
 * Where the channels of a pixel go in the tensor and what becomes of their values. Colour order,
 * layout and normalisation are all in here, so whoever writes an element needs one multiply-add
 * and one index. Arrays are by channel of the image: red, green, blue, or gray alone.
 */
export interface Packing {
  /** Elements from one pixel to the next. */
  readonly stride: number
  /** Elements from a pixel's place to the place of this channel. */
  readonly offset: readonly number[]
  readonly gain: readonly number[]
  readonly bias: readonly number[]
}

/** (value × scale − mean) / std is value × gain + bias. */
export function packingOf(plan: ImagePlan): Packing {
  const { channels, layout, width, height, color, scale, mean, std } = plan
  const order = channels === 1 ? [0] : color === 'bgr' ? [2, 1, 0] : [0, 1, 2]
  return {
    stride: layout === 'NHWC' ? channels : 1,
    offset: order.map((channel) => (layout === 'NHWC' ? channel : channel * width * height)),
    gain: order.map((channel) => scale / (std[channel] ?? 1)),
    bias: order.map((channel) => -(mean[channel] ?? 0) / (std[channel] ?? 1)),
  }
}

/** Writes a region as it is, without a resize. */
export function pack(image: Pixels, region: Region, packing: Packing, into: Float32Array): void {
  const { pixels, width, channels } = image
  for (let channel = 0; channel < channels; channel++) {
    const gain = packing.gain[channel] ?? 1
    const bias = packing.bias[channel] ?? 0
    let to = packing.offset[channel] ?? 0
    for (let y = 0; y < region.height; y++) {
      let from = ((region.top + y) * width + region.left) * channels + channel
      for (let x = 0; x < region.width; x++) {
        into[to] = (pixels[from] ?? 0) * gain + bias
        from += channels
        to += packing.stride
      }
    }
  }
}

import type { Packing } from '../packing.ts'
import type { Pixels } from '../pixels.ts'
import { type Kernels, loadKernels, MEMORY_BYTES_MAX, SLACK_BYTES } from './kernels.ts'

const ALIGNMENT_BYTES = 16

/** Hands out places in the memory of the kernels, aligned and with slack behind each. */
export class Places {
  bytes = 0

  take(bytes: number): number {
    const place = this.bytes
    this.bytes += Math.ceil((bytes + SLACK_BYTES) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    return place
  }

  /** Undefined where the kernels cannot work: without RGB, vectors or the memory for all places. */
  kernelsFor(image: Pixels): Kernels | undefined {
    if (image.channels !== 3 || this.bytes > MEMORY_BYTES_MAX) return undefined
    return loadKernels()
  }
}

/** Four gains and four biases. */
export const AFFINE_BYTES = 32

/** The fourth lane is not used, and 0: a denormal that lay there makes arithmetic ten times slower. */
export function writeAffine(view: DataView, affine: number, { gain, bias }: Packing): void {
  for (let lane = 0; lane < 4; lane++) {
    view.setFloat32(affine + lane * 4, gain[lane] ?? 0, true)
    view.setFloat32(affine + 16 + lane * 4, bias[lane] ?? 0, true)
  }
}

/** Where the channels of the first pixel go and how far it is to the next, in bytes. */
export function targetOf({ offset, stride }: Packing, output: number) {
  const [red = 0, green = 0, blue = 0] = offset.map((elements) => output + elements * 4)
  return { red, green, blue, stride: stride * 4 }
}

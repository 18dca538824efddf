import type { ImagePlan } from '../domain/image-plan.ts'
import type { Manifest } from '../domain/manifest.ts'
import type { Signature, TensorSpec } from '../domain/signature.ts'
import { bytesPerElement, elementCount, type NamedTensors, type Tensor } from '../domain/tensor.ts'
import { packStrings } from '../domain/tensor-strings.ts'

/** A warm-up input is never larger than this: a shape in a manifest may be nonsense. */
const WARMUP_BYTES_MAX = 1024 ** 3

export type WarmupPlan =
  | { readonly kind: 'run'; readonly batches: readonly NamedTensors[] }
  | { readonly kind: 'skip'; readonly reason: string }

/**
 * Inputs of zeros for each batch size, so that the first real request meets a runtime that has
 * allocated its memory and chosen its kernels, and so that a model that opens but does not run is
 * found out before it is routed. The first dimension is the batch where it is dynamic. Another
 * dynamic dimension comes from the manifest or the image; without either nothing can be run.
 */
export function planWarmup(
  signature: Signature,
  image: ImagePlan | undefined,
  warmup: Manifest['warmup'],
  batches: readonly number[],
): WarmupPlan {
  const batched = signature.inputs.some(({ shape }) => typeof shape?.[0] !== 'number')
  const runs: NamedTensors[] = []
  for (const batch of batched ? batches : [1]) {
    const inputs = new Map<string, Tensor>()
    for (const spec of signature.inputs) {
      const shape = shapeFor(spec, batch, image, warmup)
      if (shape === undefined) {
        return {
          kind: 'skip',
          reason: `the shape of ${spec.name} is open: set warmup.shapes in manifest.json`,
        }
      }
      const bytes = elementCount(shape) * Math.max(bytesPerElement(spec.dtype), 4)
      if (!(bytes <= WARMUP_BYTES_MAX)) {
        return {
          kind: 'skip',
          reason: `a warm-up of ${spec.name} [${shape.join(', ')}] is too large`,
        }
      }
      inputs.set(spec.name, zeros(spec, shape))
    }
    runs.push(inputs)
  }
  return { kind: 'run', batches: runs }
}

function shapeFor(
  spec: TensorSpec,
  batch: number,
  image: ImagePlan | undefined,
  warmup: Manifest['warmup'],
): number[] | undefined {
  const stated = warmup?.shapes?.[spec.name]
  if (stated !== undefined) {
    return spec.shape !== null && stated.length === spec.shape.length
      ? [...stated]
      : [batch, ...stated]
  }
  if (image !== undefined && image.input === spec.name) {
    return image.batched ? image.shape.with(0, batch) : [...image.shape]
  }
  if (spec.shape === null) return undefined
  const shape = spec.shape.map((size, axis) =>
    typeof size === 'number' ? size : axis === 0 ? batch : undefined,
  )
  return shape.every((size) => size !== undefined) ? shape : undefined
}

/** A string is '0' and not empty: a model may well parse its strings as numbers. */
function zeros({ dtype }: TensorSpec, shape: number[]): Tensor {
  const count = elementCount(shape)
  const data =
    dtype === 'string'
      ? packStrings(Array.from({ length: count }, () => '0'))
      : new Uint8Array(count * bytesPerElement(dtype))
  return { dtype, shape, data }
}

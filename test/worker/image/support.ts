import { readFileSync } from 'node:fs'

import { type ImagePlan, planImage } from '../../../src/domain/image-plan.ts'
import type { ImageSettings } from '../../../src/domain/manifest.ts'
import type { Dimension } from '../../../src/domain/signature.ts'
import type { DType } from '../../../src/domain/tensor.ts'

export const PIXELS_MAX = 25_000_000

export function fixture(name: string): Buffer {
  return readFileSync(new URL(`../../fixtures/${name}`, import.meta.url))
}

/** The plan of a model with one input. */
export function planFor(
  settings: ImageSettings,
  shape: readonly Dimension[] = ['batch', null, null, 3],
  dtype: DType = 'float32',
): ImagePlan {
  const plan = planImage(settings, { inputs: [{ name: 'image', dtype, shape }], outputs: [] })
  if (plan.kind === 'refused') throw new Error(plan.reason)
  return plan
}

/** Largest and mean absolute difference of two arrays of one length. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>) {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`)
  let max = 0
  let sum = 0
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs((a[i] ?? NaN) - (b[i] ?? NaN))
    if (!(d <= max)) max = d
    sum += d
  }
  return { max, mean: sum / a.length }
}

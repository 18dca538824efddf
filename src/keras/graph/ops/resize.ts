import type { GraphBuilder } from '../builder.ts'
import { type Attributes, float, int, string, type Value } from '../ir.ts'
import { type Layout, Tensor } from '../tensor.ts'
import { bicubicWeighting, resample } from './resample.ts'

export type Interpolation = 'nearest' | 'bilinear' | 'bicubic'

/**
 * `tf.image.resize` without antialiasing: pixels have their centres at one half. A nearest pixel
 * is the one whose area the centre falls in, and a bicubic one uses Keys' kernel with a = −0.5 and
 * no pixels from beyond the border.
 */
function attributesOf(interpolation: Interpolation): Attributes {
  switch (interpolation) {
    case 'nearest':
      return {
        mode: string('nearest'),
        coordinate_transformation_mode: string('half_pixel'),
        nearest_mode: string('round_prefer_ceil'),
      }
    case 'bilinear':
      return { mode: string('linear'), coordinate_transformation_mode: string('half_pixel') }
    case 'bicubic':
      return {
        mode: string('cubic'),
        coordinate_transformation_mode: string('half_pixel'),
        cubic_coeff_a: float(-0.5),
        exclude_outside: int(1),
      }
  }
}

/** To these sizes. `layout` is the one with the channels behind the batch. */
export function resizeTo(
  graph: GraphBuilder,
  x: Tensor,
  sizes: readonly number[],
  interpolation: Interpolation,
  layout: Layout,
): Tensor {
  const value = x.value(graph, layout)
  const exact = interpolation === 'bicubic' ? bicubic(graph, value, sizes) : undefined
  if (exact !== undefined) return new Tensor(exact, layout)
  const shape = [...value.shape.slice(0, 2), ...sizes]
  const outer = { start: int(0), end: int(2) }
  const kept = graph.op('Shape', [value], { dtype: 'int64', shape: [2] }, outer)
  // onnxruntime's transpositions do not know Resize's attribute for the axes: all sizes are given.
  const all = { dtype: 'int64' as const, shape: [shape.length] }
  const target = graph.op('Concat', [kept, graph.integers(sizes)], all, { axis: int(0) })
  const inputs = [value, undefined, undefined, target]
  const attributes = attributesOf(interpolation)
  return new Tensor(graph.op('Resize', inputs, { dtype: x.dtype, shape }, attributes), layout)
}

/** TensorFlow rounds the weights, which ONNX does not; the size must be known for that. */
function bicubic(graph: GraphBuilder, value: Value, sizes: readonly number[]): Value | undefined {
  const weightings = sizes.map((wanted, at) => {
    const size = value.shape[at + 2] ?? null
    return size === null ? undefined : bicubicWeighting(size, wanted)
  })
  const known = weightings.filter((one) => one !== undefined)
  return known.length < sizes.length ? undefined : resample(graph, value, 2, known)
}

/** By whole factors. */
export function enlarge(
  graph: GraphBuilder,
  x: Tensor,
  factors: readonly number[],
  interpolation: Interpolation,
  layout: Layout,
): Tensor {
  const value = x.value(graph, layout)
  const sizes = factors.map((factor, at) => (value.shape[at + 2] ?? NaN) * factor)
  if (interpolation === 'bicubic' && !sizes.some(Number.isNaN)) {
    return resizeTo(graph, x, sizes, interpolation, layout)
  }
  const scales = [1, 1, ...factors]
  const shape = value.shape.map((size, axis) => (size === null ? null : size * (scales[axis] ?? 1)))
  const inputs = [value, undefined, graph.floats(scales, [scales.length])]
  // Repeating pixels is what onnxruntime has a fast way for.
  const attributes =
    interpolation === 'nearest'
      ? {
          mode: string('nearest'),
          coordinate_transformation_mode: string('asymmetric'),
          nearest_mode: string('floor'),
        }
      : attributesOf(interpolation)
  return new Tensor(graph.op('Resize', inputs, { dtype: x.dtype, shape }, attributes), layout)
}

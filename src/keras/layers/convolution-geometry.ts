import type { Attributes, Dim } from '../graph/ir.ts'
import { ints, string } from '../graph/ir.ts'

export interface Window {
  readonly size: readonly number[]
  readonly strides: readonly number[]
  readonly dilation: readonly number[]
  readonly padding: 'valid' | 'same' | 'causal'
}

/** How far a dilated kernel reaches. */
function reach(size: number, dilation: number): number {
  return (size - 1) * dilation + 1
}

/** Sizes after a window has slid over an input of these sizes. */
export function windowedSizes(sizes: readonly Dim[], window: Window): Dim[] {
  return sizes.map((size, axis) => {
    const { stride, length } = along(window, axis)
    if (size === null) return null
    if (window.padding !== 'valid') return Math.ceil(size / stride)
    return Math.max(0, Math.floor((size - length) / stride) + 1)
  })
}

/**
 * TensorFlow's padding in ONNX's words. 'same' pads so that ceil(size / stride) windows fit, one
 * more after than before where the number is odd; where the size is open, ONNX does that by itself.
 */
export function paddingAttributes(sizes: readonly Dim[], window: Window): Attributes {
  if (window.padding === 'valid') return {}
  const pads = sizes.map((size, axis): [number, number] | undefined => {
    const { stride, length } = along(window, axis)
    if (window.padding === 'causal') return [length - 1, 0]
    if (size === null && stride !== 1) return undefined
    const total =
      size === null
        ? length - 1
        : Math.max(0, (Math.ceil(size / stride) - 1) * stride + length - size)
    return [Math.floor(total / 2), total - Math.floor(total / 2)]
  })
  const known = pads.filter((one) => one !== undefined)
  if (known.length < pads.length) return { auto_pad: string('SAME_UPPER') }
  if (known.every(([before, after]) => before === 0 && after === 0)) return {}
  return { pads: ints([...known.map(([before]) => before), ...known.map(([, after]) => after)]) }
}

export interface TransposedGeometry {
  readonly sizes: readonly Dim[]
  readonly pads: readonly number[]
  readonly outputPadding: readonly number[]
}

/**
 * A transposed convolution undoes the sizes of a convolution: what that would have padded is cut
 * off here, and what it would not have reached is added at the end.
 */
export function transposedGeometry(
  sizes: readonly Dim[],
  window: Window,
  outputPadding: readonly (number | null)[],
): TransposedGeometry {
  const axes = sizes.map((size, axis) => {
    const { stride, length } = along(window, axis)
    const extra = outputPadding[axis] ?? null
    // The output is (size − 1) × stride + grown.
    const grown = grownBy(window.padding, length, stride, extra)
    const cut = window.padding === 'same' ? Math.max(0, length - grown) : 0
    return {
      size: size === null ? null : (size - 1) * stride + grown,
      before: Math.floor(cut / 2),
      after: cut - Math.floor(cut / 2),
      added: grown - (length - cut),
    }
  })
  return {
    sizes: axes.map(({ size }) => size),
    pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
    outputPadding: axes.map(({ added }) => added),
  }
}

function grownBy(
  padding: Window['padding'],
  length: number,
  stride: number,
  extra: number | null,
): number {
  if (extra === null) return padding === 'same' ? stride : Math.max(length, stride)
  return padding === 'same' ? length - 2 * Math.floor(length / 2) + extra : length + extra
}

function along(window: Window, axis: number): { stride: number; length: number } {
  return {
    stride: window.strides[axis] ?? 1,
    length: reach(window.size[axis] ?? 1, window.dilation[axis] ?? 1),
  }
}

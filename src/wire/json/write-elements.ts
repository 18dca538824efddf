import { CutoverError } from '../../domain/errors.ts'
import type { Tensor } from '../../domain/tensor.ts'
import { stringsIn } from '../../domain/tensor-strings.ts'
import { type TensorView, viewOf } from '../../domain/tensor-view.ts'
import type { Sliced } from '../../lib/in-slices.ts'

const SLICE_ELEMENTS = 8192

/**
 * Appends the elements, separated by commas and in row-major order. Integers of 64 bits are exact;
 * NaN, Infinity and -Infinity are bare words, as Python writes and reads them; -0.0 stays.
 * Throws TENSOR_INVALID for what JSON cannot hold: FP16, and strings that are not UTF-8.
 */
export function* writeElements(tensor: Tensor, label: string, text: string[]): Sliced<void> {
  const { dtype } = tensor
  if (dtype === 'float16') {
    throw new CutoverError(
      'TENSOR_INVALID',
      `${label}: FP16 has no form in JSON, ask for binary data`,
    )
  }
  if (dtype === 'string') {
    yield* writeStrings(stringsIn(tensor.data, label, ', ask for binary data'), text)
    return
  }
  const values = viewOf(dtype, tensor.data)
  for (let start = 0; start < values.length; start += SLICE_ELEMENTS) {
    if (start > 0) {
      text.push(',')
      yield
    }
    const slice = values.subarray(start, start + SLICE_ELEMENTS)
    if (dtype === 'bool') text.push(Array.from(slice as Uint8Array, Boolean).join(','))
    else if (hasNegativeZero(slice)) text.push(Array.from(slice, withSign).join(','))
    else text.push(slice.join(','))
  }
}

/** Of the strings a slice is in memory at a time. */
function* writeStrings(strings: Iterable<string>, text: string[]): Sliced<void> {
  const slice: string[] = []
  const write = () => text.push(JSON.stringify(slice).slice(1, -1))
  for (const element of strings) {
    if (slice.length === SLICE_ELEMENTS) {
      write()
      text.push(',')
      slice.length = 0
      yield
    }
    slice.push(element)
  }
  write()
}

type FloatView = Extract<TensorView, Float32Array | Float64Array>

function hasNegativeZero(values: TensorView): values is FloatView {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return false
  for (const value of values) if (value === 0 && Object.is(value, -0)) return true
  return false
}

function withSign(value: number): string {
  return Object.is(value, -0) ? '-0.0' : String(value)
}

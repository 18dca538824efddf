import { CutoverError } from '../../domain/errors.ts'
import { elementCount, type NamedTensors, type Tensor } from '../../domain/tensor.ts'
import { BytesPacker } from '../../domain/tensor-strings.ts'
import { numbersOf, viewOf } from '../../domain/tensor-view.ts'
import type { Sliced } from '../../lib/in-slices.ts'
import { SliceCounter } from '../slice-counter.ts'

const SLICE_ELEMENTS = 8192
const EVEN_THEN_5 = /[02468]5$/

export interface ClassificationOptions {
  /** How many classes an output is asked for; 0: its tensor. */
  readonly classesOf: (output: string) => number
  readonly classesMax: number
  readonly labels: readonly string[] | undefined
  /** The first dimension of an output is a batch, of which each row is classified by itself. */
  readonly isBatch: boolean
}

/**
 * The `classification` extension: in place of a tensor its best classes, best first and of equal
 * ones the lower index, as strings `value:index` or `value:index:label`. Throws TENSOR_INVALID
 * for an output that has no order, or more classes than are allowed.
 */
export function* withClassification(
  outputs: NamedTensors,
  options: ClassificationOptions,
): Sliced<NamedTensors> {
  const answered = new Map<string, Tensor>()
  for (const [name, tensor] of outputs) {
    const classes = options.classesOf(name)
    answered.set(name, classes === 0 ? tensor : yield* classify(name, tensor, classes, options))
  }
  return answered
}

function* classify(
  name: string,
  tensor: Tensor,
  classes: number,
  { classesMax, isBatch, labels }: ClassificationOptions,
): Sliced<Tensor> {
  const { dtype, shape } = tensor
  if (dtype === 'bool' || dtype === 'string') {
    throw new CutoverError('TENSOR_INVALID', `output ${name} is ${dtype}: it has no best classes`)
  }
  const isWide = dtype === 'int64' || dtype === 'uint64'
  const values: ArrayLike<number | bigint> = isWide
    ? viewOf(dtype, tensor.data)
    : numbersOf({ ...tensor, dtype })
  const rows = isBatch ? (shape[0] ?? 1) : 1
  const rowLength = rows === 0 ? elementCount(shape.slice(1)) : values.length / rows
  const count = Math.min(classes, rowLength)
  if (count > classesMax) {
    throw new CutoverError(
      'TENSOR_INVALID',
      `output ${name}: classification may ask for ${classesMax} classes at the most`,
    )
  }
  const isFloat = dtype.startsWith('float')
  const strings = new BytesPacker()
  const slices = new SliceCounter(SLICE_ELEMENTS)
  // Of rows without elements there may be any number.
  const rowsWithClasses = count > 0 ? rows : 0
  for (let row = 0; row < rowsWithClasses; row++) {
    const start = row * rowLength
    for (const index of yield* bestIndices(values, start, rowLength, count, slices)) {
      const value = values[start + index] ?? NaN
      const label = labels?.[index]
      strings.pushText(
        `${isFloat ? fixed(Number(value)) : value}:${index}${label === undefined ? '' : `:${label}`}`,
      )
    }
  }
  return {
    dtype: 'string',
    shape: isBatch ? [rows, count] : [count],
    data: strings.data(),
  }
}

/** Indices of the largest of `length` values from `start`, in order; NaN comes last. */
function* bestIndices(
  values: ArrayLike<number | bigint>,
  start: number,
  length: number,
  count: number,
  slices: SliceCounter,
): Sliced<number[]> {
  const best: number[] = []
  const rank = (index: number) => {
    const value = values[start + index] ?? NaN
    return Number.isNaN(value) ? -Infinity : value
  }
  for (let index = 0; index < length; index++) {
    if (slices.isDueAfter(1)) yield
    const value = rank(index)
    if (best.length === count && value <= rank(best[count - 1] ?? 0)) continue
    let at = best.length
    while (at > 0 && rank(best[at - 1] ?? 0) < value) at--
    best.splice(at, 0, index)
    if (best.length > count) best.pop()
  }
  return best
}

/**
 * As C prints `%f`: to six digits, and of a value in the middle of two to the even one, where
 * JavaScript rounds up. Only odd multiples of 1/128 are such; their seventh digit, a 5, is the last.
 */
function fixed(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Object.is(value, -0)) return '-0.000000'
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}.000000`
  if (Math.abs(value * 128) % 2 === 1) {
    const exact = value.toFixed(7)
    if (EVEN_THEN_5.test(exact)) return exact.slice(0, -1)
  }
  return value.toFixed(6)
}

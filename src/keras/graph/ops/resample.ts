import { bounded } from '../../failure.ts'
import type { GraphBuilder } from '../builder.ts'
import { string, type Value } from '../ir.ts'

/** Along one axis, each result as weighted elements of the input: [results, elements]. */
export type Weighting = readonly Float32Array[]

/** Applies weightings to the axes from `first` on. */
export function resample(
  graph: GraphBuilder,
  value: Value,
  first: number,
  weightings: readonly Weighting[],
): Value {
  return weightings.reduce((from, rows, at) => {
    const axis = first + at
    const elements = rows[0]?.length ?? 0
    const flat = new Float32Array(rows.length * elements)
    rows.forEach((row, place) => flat.set(row, place * elements))
    const matrix = graph.floats(flat, [rows.length, elements])
    const letters = 'abcdef'.slice(0, from.shape.length).split('')
    const equation = `${letters.join('')},z${letters[axis] ?? ''}->${letters.with(axis, 'z').join('')}`
    const output = { dtype: from.dtype, shape: from.shape.with(axis, rows.length) }
    return graph.op('Einsum', [from, matrix], output, { equation: string(equation) })
  }, value)
}

const TABLE_SIZE = 1024
const A = -0.5

/**
 * Keys' cubic convolution as TensorFlow computes it (resize_bicubic_op.cc): weights from a table of
 * 1,024 steps, and over the elements that exist alone, made to add up to 1.
 */
export function bicubicWeighting(size: number, wanted: number): Weighting {
  bounded(size * wanted, 'a resize')
  return Array.from({ length: wanted }, (_, at) => {
    const row = new Float32Array(size)
    const centre = (at + 0.5) * (size / wanted) - 0.5
    const from = Math.floor(centre)
    const step = Math.round((centre - from) * TABLE_SIZE) / TABLE_SIZE
    const taps = [outer(1 + step), inner(step), inner(1 - step), outer(2 - step)]
    const inside = taps.map((weight, tap) => ({ weight, place: from - 1 + tap }))
    const there = inside.filter(({ place }) => place >= 0 && place < size)
    const total = there.reduce((sum, { weight }) => sum + weight, 0)
    for (const { weight, place } of there) row[place] = weight / total
    return row
  })
}

/** The kernel within 1 of its centre. */
function inner(x: number): number {
  return ((A + 2) * x - (A + 3)) * x * x + 1
}

/** The kernel from 1 to 2. */
function outer(x: number): number {
  return ((A * x - 5 * A) * x + 8 * A) * x - 4 * A
}

/** The mean of each of `wanted` windows that together cover everything. */
export function windowMeans(size: number, wanted: number): Weighting {
  bounded(size * wanted, 'a pooling')
  return windowsOf(size, wanted).map(({ start, stop }) =>
    new Float32Array(size).fill(1 / (stop - start), start, stop),
  )
}

/** From ⌊i · size / wanted⌋ to ⌈(i + 1) · size / wanted⌉. */
export function windowsOf(size: number, wanted: number): { start: number; stop: number }[] {
  return Array.from({ length: bounded(wanted, 'a pooling') }, (_, at) => ({
    start: Math.floor((at * size) / wanted),
    stop: Math.ceil(((at + 1) * size) / wanted),
  }))
}

import { unloadable, unsupported } from '../failure.ts'
import type { GraphBuilder } from '../graph/builder.ts'
import { type Dim, string } from '../graph/ir.ts'
import { broadcast } from '../graph/ops/elementwise.ts'
import { reshape, type Size } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** numpy's matmul of two tensors of at least two dimensions. */
export function matmul(graph: GraphBuilder, a: Tensor, b: Tensor): Tensor {
  if (a.rank < 2 || b.rank < 2) throw unsupported('a product of vectors')
  const outer = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2))
  const shape = [...outer, a.shape.at(-2) ?? null, b.shape.at(-1) ?? null]
  const inputs = [a.value(graph), b.value(graph)]
  return new Tensor(graph.op('MatMul', inputs, { dtype: 'float32', shape }))
}

/** Einstein's summation, as a matrix product where it is one. */
export function einsum(graph: GraphBuilder, equation: string, operands: readonly Tensor[]): Tensor {
  const { inputs, output } = parsed(equation, operands)
  const product = asProduct(graph, inputs, output, operands)
  if (product !== undefined) return product
  const sizes = sizesOf(inputs, operands)
  const shape = output.split('').map((letter): Dim => sizes.get(letter) ?? null)
  const values = operands.map((x) => x.value(graph))
  const attributes = { equation: string(`${inputs.join()}->${output}`) }
  return new Tensor(graph.op('Einsum', values, { dtype: 'float32', shape }, attributes))
}

interface Equation {
  readonly inputs: readonly string[]
  readonly output: string
}

/** With letters in place of `...`. Throws MODEL_UNLOADABLE when it does not fit the operands. */
function parsed(equation: string, operands: readonly Tensor[]): Equation {
  const [left = '', right] = equation.replaceAll(/\s/g, '').split('->')
  if (right === undefined) throw unsupported(`the equation ${equation} without its result`)
  const terms = left.split(',')
  const wide = Math.max(
    ...terms.map((term, at) => (operands[at]?.rank ?? 0) - term.replace('...', '').length),
  )
  const free = LETTERS.split('').filter((letter) => !equation.includes(letter))
  const rest = free.slice(0, Math.max(0, wide)).join('')
  const inputs = terms.map((term, at) => {
    const count = (operands[at]?.rank ?? 0) - term.replace('...', '').length
    return term.replace('...', count > 0 ? rest.slice(-count) : '')
  })
  const fits =
    inputs.length === operands.length &&
    inputs.every((term, at) => term.length === operands[at]?.rank && /^[A-Za-z]*$/.test(term))
  if (!fits) throw unloadable(`the equation ${equation} does not fit its operands`)
  return { inputs, output: right.replace('...', rest) }
}

function sizesOf(inputs: readonly string[], operands: readonly Tensor[]): Map<string, Dim> {
  const sizes = new Map<string, Dim>()
  inputs.forEach((term, at) => {
    term.split('').forEach((letter, axis) => {
      const size = operands[at]?.shape[axis] ?? null
      if ((sizes.get(letter) ?? null) === null || sizes.get(letter) === 1) sizes.set(letter, size)
    })
  })
  return sizes
}

/**
 * `abc,cde->abde`: the last axes of one operand against the first of the other, with what is left
 * of both in order, is a product of matrices between two reshapes.
 */
function asProduct(
  graph: GraphBuilder,
  [x = '', y = '', ...more]: readonly string[],
  output: string,
  operands: readonly Tensor[],
): Tensor | undefined {
  const [a, b] = operands
  if (a === undefined || b === undefined || more.length > 0) return undefined
  const count = x.split('').filter((letter) => y.includes(letter)).length
  const contracted = y.slice(0, count)
  const kept = x.slice(0, x.length - count)
  const added = y.slice(count)
  const isProduct =
    count > 0 &&
    kept.length > 0 &&
    x.endsWith(contracted) &&
    output === kept + added &&
    !contracted.split('').some((letter) => output.includes(letter))
  const inner = product(b.shape.slice(0, count))
  const outer = product(b.shape.slice(count))
  if (!isProduct || inner === null || outer === null) return undefined
  const free: Size[] = a.shape.slice(0, kept.length).map((size, axis) => size ?? { axis })
  const left = count === 1 ? a : reshape(graph, a, [...free, inner])
  const right = b.rank === 2 && count === 1 ? b : reshape(graph, b, [inner, outer])
  const flat = matmul(graph, left, right)
  const sizes = b.shape.slice(count).map(Number)
  return added.length === 1 ? flat : reshape(graph, flat, [...free, ...sizes])
}

function product(sizes: readonly Dim[]): number | null {
  return sizes.some((size) => size === null)
    ? null
    : sizes.reduce((all: number, size) => all * Number(size), 1)
}

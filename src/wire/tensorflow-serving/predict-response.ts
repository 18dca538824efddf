import { CutoverError } from '../../domain/errors.ts'
import type { NamedTensors } from '../../domain/tensor.ts'
import type { Sliced } from '../../lib/in-slices.ts'
import { TensorWriter } from './write-tensor.ts'

/**
 * The body of an answer to `:predict`, in the format of the request. Throws TENSOR_INVALID when
 * rows are asked for and the outputs do not have as many.
 */
export function* writePredictResponse(
  format: 'row' | 'column',
  outputs: NamedTensors,
): Sliced<string> {
  const text: string[] = []
  const writers = [...outputs].map(([name, tensor]) => ({
    key: outputs.size > 1 ? `${JSON.stringify(name)}:` : '',
    writer: new TensorWriter(name, tensor, text),
  }))
  const [open, close] = outputs.size > 1 ? ['{', '}'] : ['', '']
  function* valueOf(axis: number): Sliced<void> {
    text.push(open)
    for (const [i, { key, writer }] of writers.entries()) {
      text.push(i === 0 ? key : `,${key}`)
      yield* writer.write(axis)
    }
    text.push(close)
  }
  if (format === 'column') {
    text.push('{"outputs":')
    yield* valueOf(0)
    text.push('}')
    return text.join('')
  }
  text.push('{"predictions":[')
  const rows = rowsOf(outputs)
  for (let row = 0; row < rows; row++) {
    if (row > 0) text.push(',')
    if (row % ROWS_PER_SLICE === ROWS_PER_SLICE - 1) yield
    yield* valueOf(1)
  }
  text.push(']}')
  return text.join('')
}

const ROWS_PER_SLICE = 1000

function rowsOf(outputs: NamedTensors): number {
  const rows = new Set([...outputs.values()].map(({ shape }) => shape[0]))
  const [first] = rows
  if (rows.size === 1 && first !== undefined) return first
  const shapes = [...outputs].map(([name, { shape }]) => `${name} [${shape.join(', ')}]`)
  throw new CutoverError(
    'TENSOR_INVALID',
    `the outputs have no common first dimension: ${shapes.join(', ')}; ask with 'inputs'`,
  )
}

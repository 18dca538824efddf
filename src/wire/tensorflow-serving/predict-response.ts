import { CutoverError } from '../../domain/errors.ts'
import type { NamedTensors } from '../../domain/tensor.ts'
import type { Sliced } from '../../lib/in-slices.ts'
import { joinPieces } from '../join-pieces.ts'
import { TensorWriter } from './write-tensor.ts'

/**
 * The body of an answer to `:predict`, in the format of the request. Throws TENSOR_INVALID when
 * rows are asked for and the outputs do not have as many.
 */
export function writePredictResponse(
  format: 'row' | 'column',
  outputs: NamedTensors,
): Sliced<string> {
  const text: string[] = []
  return joinPieces(writeBody(format, outputs, text), text)
}

function* writeBody(format: 'row' | 'column', outputs: NamedTensors, text: string[]): Sliced<void> {
  const axis = format === 'row' ? 1 : 0
  const isObject = outputs.size > 1
  const writers = [...outputs].map(([name, tensor], i) => ({
    key: isObject ? `${i === 0 ? '{' : ','}${JSON.stringify(name)}:` : '',
    writer: new TensorWriter(name, tensor, axis, text),
  }))
  function* writeValue(): Sliced<void> {
    for (const { key, writer } of writers) {
      text.push(key)
      yield* writer.write()
    }
    if (isObject) text.push('}')
  }
  if (format === 'column') {
    text.push('{"outputs":')
    yield* writeValue()
    text.push('}')
    return
  }
  text.push('{"predictions":[')
  const rows = rowsOf(outputs)
  for (let row = 0; row < rows; row++) {
    if (row > 0) text.push(',')
    yield* writeValue()
  }
  text.push(']}')
}

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

import { CutoverError } from '../../domain/errors.ts'
import type { NamedTensors, Tensor } from '../../domain/tensor.ts'
import { unpackStrings } from '../../domain/tensor-strings.ts'
import { numbersOf } from '../../domain/tensor-view.ts'
import { float32Text } from './write-tensor.ts'

/** The outputs by which TensorFlow's classification and regression signatures are known. */
const SCORES = 'scores'
const CLASSES = 'classes'
const OUTPUTS = 'outputs'

/**
 * The body of an answer to `:classify`: of each example its classes with their scores. The names
 * are the model's own `classes`, else the labels; the scores its `scores`, or its only output.
 */
export function classifications(
  outputs: NamedTensors,
  examples: number,
  labels: readonly string[] | undefined,
): string {
  const classes = outputs.get(CLASSES)
  const scores = outputs.get(SCORES) ?? (classes === undefined ? only(outputs) : undefined)
  const names = classes === undefined ? undefined : stringsOf(CLASSES, classes)
  const values = scores === undefined ? undefined : floatsOf(SCORES, scores)
  const count = (values?.length ?? names?.length ?? 0) / examples
  checkEach(count, names, values, examples)
  const rows = Array.from({ length: examples }, (_row, row) => {
    const entries = Array.from({ length: count }, (_entry, i) => {
      const at = row * count + i
      const label = names?.[at] ?? labels?.[i] ?? ''
      return `[${JSON.stringify(label)},${float32Text(values?.[at] ?? 0)}]`
    })
    return `[${entries.join(',')}]`
  })
  return `{"results":[${rows.join(',')}]}`
}

/** The body of an answer to `:regress`: one value per example. */
export function regressions(outputs: NamedTensors, examples: number): string {
  const values = floatsOf(OUTPUTS, outputs.get(OUTPUTS) ?? only(outputs))
  checkEach(values.length / examples, undefined, values, examples)
  if (values.length !== examples) {
    throw invalid(`a regression has one value per example, not ${values.length / examples}`)
  }
  return `{"results":[${Array.from(values, float32Text).join(',')}]}`
}

function checkEach(
  count: number,
  names: readonly string[] | undefined,
  values: ArrayLike<number> | undefined,
  examples: number,
): void {
  const fits = (length: number | undefined) => length === undefined || length === count * examples
  if (!Number.isInteger(count) || !fits(names?.length) || !fits(values?.length)) {
    throw invalid(`the outputs do not hold as many values for each of ${examples} examples`)
  }
}

function only(outputs: NamedTensors): Tensor {
  const [first, second] = outputs.values()
  if (first === undefined || second !== undefined) {
    throw invalid(`there are the outputs ${[...outputs.keys()].join(', ')}: none is told apart`)
  }
  return first
}

function floatsOf(name: string, tensor: Tensor): ArrayLike<number> {
  const { dtype } = tensor
  if (dtype === 'string' || dtype === 'bool') {
    throw invalid(`the output for ${name} is ${dtype}, which holds no numbers`)
  }
  return numbersOf({ ...tensor, dtype })
}

function stringsOf(name: string, { dtype, data }: Tensor): string[] {
  if (dtype !== 'string') throw invalid(`the output ${name} is ${dtype}, not strings`)
  return unpackStrings(data, `output ${name}`)
}

function invalid(sentence: string): CutoverError {
  return new CutoverError(
    'TENSOR_INVALID',
    `this signature does not serve the request: ${sentence}`,
  )
}

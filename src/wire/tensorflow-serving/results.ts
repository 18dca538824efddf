import { CutoverError } from '../../domain/errors.ts'
import type { NamedTensors, Tensor } from '../../domain/tensor.ts'
import { countBytes, stringsIn } from '../../domain/tensor-strings.ts'
import { numbersOf } from '../../domain/tensor-view.ts'
import type { Sliced } from '../../lib/in-slices.ts'
import { SliceCounter } from '../slice-counter.ts'
import { float32Text } from './write-tensor.ts'

const SLICE_VALUES = 4096

/** The outputs by which TensorFlow's classification and regression signatures are known. */
const SCORES = 'scores'
const CLASSES = 'classes'
const OUTPUTS = 'outputs'

/**
 * The body of an answer to `:classify`: of each example its classes with their scores. The names
 * are the model's own `classes`, else the labels; the scores its `scores`, or its only output.
 */
export function* classifications(
  outputs: NamedTensors,
  examples: number,
  labels: readonly string[] | undefined,
): Sliced<string> {
  const classes = outputs.get(CLASSES)
  const scores = outputs.get(SCORES) ?? (classes === undefined ? only(outputs) : undefined)
  const names = classes === undefined ? undefined : stringsOf(CLASSES, classes)
  const values = scores === undefined ? undefined : floatsOf(SCORES, scores)
  const count = (values?.length ?? names?.count ?? 0) / examples
  checkEach(count, names?.count, values?.length, examples)
  const slices = new SliceCounter(SLICE_VALUES)
  const rows: string[] = []
  for (let row = 0; row < examples; row++) {
    const entries: string[] = []
    for (let i = 0; i < count; i++) {
      const label = names?.strings.next().value ?? labels?.[i] ?? ''
      const score = float32Text(values?.[row * count + i] ?? 0)
      entries.push(`[${JSON.stringify(label)},${score}]`)
      if (slices.isDueAfter(1)) yield
    }
    rows.push(`[${entries.join(',')}]`)
  }
  return `{"results":[${rows.join(',')}]}`
}

/** The body of an answer to `:regress`: one value per example. */
export function* regressions(outputs: NamedTensors, examples: number): Sliced<string> {
  const values = floatsOf(OUTPUTS, outputs.get(OUTPUTS) ?? only(outputs))
  checkEach(values.length / examples, undefined, values.length, examples)
  if (values.length !== examples) {
    throw invalid(`a regression has one value per example, not ${values.length / examples}`)
  }
  const slices = new SliceCounter(SLICE_VALUES)
  const texts: string[] = []
  for (let i = 0; i < values.length; i++) {
    texts.push(float32Text(values[i] ?? NaN))
    if (slices.isDueAfter(1)) yield
  }
  return `{"results":[${texts.join(',')}]}`
}

function checkEach(
  count: number,
  names: number | undefined,
  values: number | undefined,
  examples: number,
): void {
  const fits = (length: number | undefined) => length === undefined || length === count * examples
  if (!Number.isInteger(count) || !fits(names) || !fits(values)) {
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

/** Read one after the other: of a million names only their text in the answer is in memory. */
function stringsOf(name: string, { dtype, data }: Tensor) {
  if (dtype !== 'string') throw invalid(`the output ${name} is ${dtype}, not strings`)
  return { count: countBytes(data) ?? NaN, strings: stringsIn(data, `output ${name}`) }
}

function invalid(sentence: string): CutoverError {
  return new CutoverError(
    'TENSOR_INVALID',
    `this signature does not serve the request: ${sentence}`,
  )
}

import { CutoverError } from '../domain/errors.ts'
import { float16ToNumber } from '../domain/float16.ts'
import type { Manifest } from '../domain/manifest.ts'
import { describeSpec, type Signature, type TensorSpec } from '../domain/signature.ts'
import type { NamedTensors, Tensor } from '../domain/tensor.ts'
import type { ScoredClass } from '../wire/engine-protocol.ts'

/** The output that holds the scores: the one the manifest names, else the model's first. */
export function scoresOutput(signature: Signature, output: Manifest['output']): TensorSpec {
  const wanted = output?.name
  const spec =
    wanted === undefined
      ? signature.outputs[0]
      : signature.outputs.find(({ name }) => name === wanted)
  if (spec === undefined) {
    const outputs = signature.outputs.map(describeSpec).join('; ')
    throw new CutoverError(
      'MANIFEST_INVALID',
      `output.name is ${wanted}, but the model gives ${outputs}`,
    )
  }
  return spec
}

/** What is odd about the number of names for the classes, which is seen where it is known. */
export function labelsNotice(
  { name, shape }: TensorSpec,
  labelsCount: number | undefined,
): string | undefined {
  const classes = shape?.at(-1)
  const isKnown = typeof classes === 'number' && classes > 1
  if (labelsCount === undefined || !isKnown || labelsCount === classes) return undefined
  return `${labelsCount} labels for the ${classes} classes of ${name}`
}

/**
 * The `topK` best classes of one example, best first; of equal scores the lower index, which is
 * also what argmax answers.
 */
export function bestClasses(
  outputs: NamedTensors,
  name: string,
  activation: 'none' | 'softmax',
  topK: number,
): ScoredClass[] {
  const tensor = outputs.get(name)
  if (tensor === undefined) throw invalid(`the model gave no output ${name}`)
  const logits = scoresOf(name, tensor)
  if (logits.length === 0) throw invalid(`output ${name} is empty`)
  for (const score of logits) {
    if (!Number.isFinite(score)) throw invalid(`output ${name} holds NaN or Infinity`)
  }
  const scores = activation === 'softmax' ? softmax(logits) : logits
  return topIndices(scores, topK).map((index) => ({ index, score: scores[index] ?? 0 }))
}

type Scores = Float32Array | Float64Array | Int32Array | Uint8Array | Int8Array

function scoresOf(name: string, { dtype, shape, data }: Tensor): Scores {
  // Copied: the runtime's memory may be anywhere, and an example's scores are few.
  const { buffer } = new Uint8Array(data)
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer)
    case 'float64':
      return new Float64Array(buffer)
    case 'int32':
      return new Int32Array(buffer)
    case 'uint8':
      return new Uint8Array(buffer)
    case 'int8':
      return new Int8Array(buffer)
    case 'float16':
      return Float32Array.from(new Uint16Array(buffer), float16ToNumber)
    default:
      throw invalid(`output ${name} is ${dtype}[${shape.join(', ')}], which holds no scores`)
  }
}

function softmax(logits: Scores): Float64Array {
  const doubles = Float64Array.from(logits)
  const max = doubles.reduce((best, value) => Math.max(best, value), -Infinity)
  const exponentials = doubles.map((value) => Math.exp(value - max))
  const sum = exponentials.reduce((total, value) => total + value, 0)
  return exponentials.map((value) => value / sum)
}

function topIndices(scores: Scores | Float64Array, topK: number): number[] {
  if (topK === 1) {
    let best = 0
    for (let i = 1; i < scores.length; i++) {
      if ((scores[i] ?? 0) > (scores[best] ?? 0)) best = i
    }
    return [best]
  }
  return Array.from(scores.keys())
    .sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b)
    .slice(0, topK)
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('OUTPUT_INVALID', sentence)
}

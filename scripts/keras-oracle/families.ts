import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import * as ort from 'onnxruntime-node'

import { compileKeras } from '../../src/keras/compile.ts'
import { messageOf } from '../../src/domain/errors.ts'

/**
 * node --import tsx scripts/keras-oracle/families.ts FOLDER
 *
 * Compiles what families.py wrote to FOLDER, runs it on the same images and prints how far the
 * answers are from Keras'. Exits with 1 when one is further than it may be.
 */
const PROBABILITY_DIFFERENCE_MAX = 1e-4
const LOGITS_DIFFERENCE_MAX = 1e-3
const BATCH = 8

interface About {
  readonly inputShape: readonly [number, ...number[]]
  readonly outputShape: readonly [number, number]
  /** False: the answers are logits. */
  readonly softmax: boolean
  readonly topClasses: number
  readonly ownDifference: number
}

interface Agreement {
  readonly probabilities: number
  /** As a part of the largest logit. */
  readonly logits: number
  readonly sameTop: number
}

const COLUMNS = [
  'file',
  '|Δ| probability',
  'Δ logits',
  'same top-1',
  'top classes',
  'Keras batch 1 / 8',
]
const WIDTHS = [34, 16, 10, 10, 11, 18]

function row(cells: readonly string[]): string {
  return `${cells
    .map((cell, index) => cell.padEnd(WIDTHS[index] ?? 0))
    .join('  ')
    .trimEnd()}\n`
}

function readFloats(file: string): Float32Array {
  return new Float32Array(Uint8Array.from(readFileSync(file)).buffer)
}

async function infer(model: string, inputs: Float32Array, shape: About['inputShape']) {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 })
  const [images, ...sizes] = shape
  const perImage = sizes.reduce((product, size) => product * size, 1)
  const answers: number[] = []
  for (let at = 0; at < images; at += BATCH) {
    const part = inputs.subarray(at * perImage, (at + BATCH) * perImage)
    const feed = new ort.Tensor('float32', part, [BATCH, ...sizes])
    const answer = await session.run({ [session.inputNames[0] ?? '']: feed })
    answers.push(...(answer[session.outputNames[0] ?? '']?.data as Float32Array))
  }
  await session.release()
  return Float64Array.from(answers)
}

function softmax(logits: Float64Array): Float64Array {
  const largestLogit = Math.max(...logits)
  const powers = logits.map((value) => Math.exp(value - largestLogit))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

/** The logits that a softmax made `probabilities` of, but for a constant: their mean is 0. */
function logitsOf(probabilities: Float64Array): Float64Array {
  const logs = probabilities.map(Math.log)
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length
  return logs.map((value) => value - mean)
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}

function apart(a: Float64Array, b: Float64Array): number {
  return largest(a.map((value, index) => value - (b[index] ?? Number.NaN)))
}

function agreement(
  actual: Float64Array,
  expected: Float64Array,
  { outputShape: [, classes], softmax: isSoftmax }: About,
): Agreement {
  let probabilities = 0
  let logits = 0
  let sameTop = 0
  for (let at = 0; at < expected.length; at += classes) {
    const [ours, theirs] = [actual, expected].map((all) => {
      const part = all.slice(at, at + classes)
      return isSoftmax ? part : softmax(part)
    }) as [Float64Array, Float64Array]
    probabilities = Math.max(probabilities, apart(ours, theirs))
    const scores = logitsOf(theirs)
    logits = Math.max(logits, apart(logitsOf(ours), scores) / largest(scores))
    const top = (values: Float64Array): number => values.indexOf(Math.max(...values))
    if (top(ours) === top(theirs)) sameTop += 1
  }
  return { probabilities, logits, sameTop }
}

async function compare(folder: string, format: string, work: string): Promise<boolean> {
  const about = JSON.parse(readFileSync(path.join(folder, 'about.json'), 'utf8')) as About
  const name = `${path.basename(folder)} ${format}`
  const model = path.join(work, 'model.onnx')
  rmSync(model, { force: true })
  try {
    await compileKeras(path.join(folder, `model.${format}`), model)
    const inputs = readFloats(path.join(folder, 'inputs.f32'))
    const expected = Float64Array.from(readFloats(path.join(folder, 'expected.f32')))
    const [images] = about.outputShape
    const actual = await infer(model, inputs, about.inputShape)
    if (actual.length !== expected.length) throw new Error(`${actual.length} answers`)
    const { probabilities, logits, sameTop } = agreement(actual, expected, about)
    const good =
      probabilities <= PROBABILITY_DIFFERENCE_MAX &&
      logits <= LOGITS_DIFFERENCE_MAX &&
      sameTop === images
    const cells = [name, probabilities.toExponential(1), logits.toExponential(1)]
    const others = [
      `${sameTop}/${images}`,
      String(about.topClasses),
      about.ownDifference.toExponential(1),
    ]
    process.stdout.write(row([...cells, ...others, good ? '' : 'TOO FAR']))
    return good
  } catch (error) {
    process.stdout.write(`${name}: ${messageOf(error)}\n`)
    return false
  }
}

const { positionals } = parseArgs({ allowPositionals: true })
const [root = ''] = positionals
const work = mkdtempSync(path.join(tmpdir(), 'cutover-families-'))
process.on('exit', () => rmSync(work, { recursive: true, force: true }))
process.stdout.write(row(COLUMNS))
let good = true
for (const name of readdirSync(root).filter((entry) => !entry.startsWith('.'))) {
  for (const format of ['h5', 'keras']) {
    const folder = path.join(root, name)
    if (!existsSync(path.join(folder, `model.${format}`))) continue
    good = (await compare(folder, format, work)) && good
  }
}
process.exit(good ? 0 : 1)

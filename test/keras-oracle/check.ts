import { writeFileSync } from 'node:fs'
import path from 'node:path'

import { compileKeras } from '../../src/keras/compile.ts'
import { messageOf } from '../../src/domain/errors.ts'
import type { OracleFile, WrittenTensor } from './cases.ts'
import { relativeDifference } from './compare.ts'
import { decode, rows, runOnnx } from './run-onnx.ts'

/** These say how many rows they take. */
const BATCH_IS_FIXED = /fixed-batch|slice-batch/

/** Compiles a Keras file in `dir` and runs it; gives what is wrong, undefined where nothing is. */
export async function faultOf(file: OracleFile, dir: string): Promise<string | undefined> {
  const source = path.join(dir, file.name.replaceAll(' ', '-'))
  const target = `${source}.onnx`
  writeFileSync(source, file.bytes)
  try {
    await compileKeras(source, target)
  } catch (error) {
    const sentence = messageOf(error)
    const wanted = file.refuses !== undefined && sentence.includes(file.refuses)
    return wanted ? undefined : `is refused: ${sentence}`
  }
  if (file.refuses !== undefined) return `is compiled, and should be refused: ${file.refuses}`
  const fault = await answerFault(target, file.inputs, file.expected, file.tolerance)
  if (fault !== undefined || BATCH_IS_FIXED.test(file.name)) return fault
  const first = (tensors: readonly WrittenTensor[]) => tensors.map((tensor) => rows(tensor, 1))
  return answerFault(target, first(file.inputs), first(file.expected), file.tolerance)
}

async function answerFault(
  model: string,
  inputs: readonly WrittenTensor[],
  expected: readonly WrittenTensor[],
  tolerance: number,
): Promise<string | undefined> {
  const outputs = await runOnnx(model, inputs)
  const shapes = JSON.stringify(outputs.map(({ shape }) => shape))
  const expectedShapes = JSON.stringify(expected.map(({ shape }) => shape))
  if (shapes !== expectedShapes) return `answers shapes ${shapes}, Keras ${expectedShapes}`
  const differences = expected.map((tensor, index) => {
    const output = outputs[index]
    return output === undefined ? Infinity : relativeDifference(output, decode(tensor))
  })
  const largest = Math.max(...differences)
  return largest <= tolerance ? undefined : `differs by ${largest}, and may by ${tolerance}`
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { compileKeras } from '../../src/keras/compile.ts'
import { type OracleFile, oracleFiles, type WrittenTensor } from './cases.ts'
import { relativeDifference } from './compare.ts'
import { decode, rows, runOnnx } from './run-onnx.ts'

/** What Keras answers, as `scripts/keras-oracle/make.py` recorded it, is what cutover answers. */
const files = oracleFiles(process.env['KERAS_ORACLE'])

function titled(wanted: (refuses: string | undefined) => boolean): [string, OracleFile][] {
  return files.filter(({ refuses }) => wanted(refuses)).map((file) => [file.name, file])
}

let dir: string
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'cutover-keras-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function compiled({ name, bytes }: OracleFile): Promise<string> {
  const source = path.join(dir, name)
  const target = path.join(dir, `${name}.onnx`)
  writeFileSync(source, bytes)
  await compileKeras(source, target)
  return target
}

async function expectAnswers(
  model: string,
  inputs: readonly WrittenTensor[],
  expected: readonly WrittenTensor[],
  tolerance: number,
): Promise<void> {
  const outputs = await runOnnx(model, inputs)
  expect(outputs.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape))
  const differences = expected.map((tensor, index) => {
    const output = outputs[index]
    return output === undefined ? Infinity : relativeDifference(output, decode(tensor))
  })
  expect(Math.max(...differences)).toBeLessThanOrEqual(tolerance)
}

describe('a model is compiled to what Keras computes', () => {
  test.each(titled((refuses) => refuses === undefined))('%s', async (_, file) => {
    const model = await compiled(file)
    await expectAnswers(model, file.inputs, file.expected, file.tolerance)
    if (/fixed-batch|slice-batch/.test(file.name)) return
    const one = (tensors: readonly WrittenTensor[]) => tensors.map((tensor) => rows(tensor, 1))
    await expectAnswers(model, one(file.inputs), one(file.expected), file.tolerance)
  })
})

describe('what cannot be compiled is refused by name', () => {
  test.each(titled((refuses) => refuses !== undefined))('%s', async (_, file) => {
    await expect(compiled(file)).rejects.toThrow(file.refuses)
  })
})

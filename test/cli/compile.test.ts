import { execFile } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

import { start } from '../support/cutover.ts'
import { endlessH5 } from '../support/endless-h5.ts'
import { fixture, temporaryDirectory } from '../support/registry.ts'
import { waitFor } from '../support/server.ts'

const BIN = fileURLToPath(new URL('../../bin/cutover.js', import.meta.url))
const run = promisify(execFile)

function compile(...args: string[]) {
  return run(process.execPath, [BIN, 'compile', ...args], { timeout: 120_000 })
    .then((output) => ({ ...output, code: 0 }))
    .catch((error: { code: number; stderr: string; stdout: string }) => error)
}

test('cutover compile writes the ONNX model and says what it takes and gives', async () => {
  const output = path.join(temporaryDirectory(), 'digits.onnx')
  const { code, stdout } = await compile(fixture('models/tiny/model.h5'), '-o', output)
  expect(code).toBe(0)
  expect(stdout).toContain('image: float32[batch, 32, 32, 3]')
  expect(stdout).toContain('probabilities: float32[batch, 10]')
  expect(stdout).toMatch(/digits\.onnx: \d+ nodes, 24\.\d kB, \d+ ms/)
  expect(existsSync(output)).toBe(true)
})

test('cutover compile fails with a sentence, and writes nothing', async () => {
  const dir = temporaryDirectory()
  const model = path.join(dir, 'model.h5')
  writeFileSync(model, 'not a model')
  const { code, stderr } = await compile(model)
  expect(code).toBe(4)
  expect(stderr).toMatch(/^cutover: the file is no Keras model/)
  expect(existsSync(path.join(dir, 'model.onnx'))).toBe(false)
})

test('cutover compile names a file that is not there', async () => {
  const { code, stderr } = await compile(path.join(temporaryDirectory(), 'nothing.h5'))
  expect(code).toBe(2)
  expect(stderr).toContain('there is no file')
})

test('cutover compile names a directory that is not there', async () => {
  const output = path.join(temporaryDirectory(), 'nothing', 'model.onnx')
  const { code, stderr } = await compile(fixture('models/tiny/model.h5'), '-o', output)
  expect(code).toBe(2)
  expect(stderr).toBe(`cutover: there is no directory ${path.dirname(output)}\n`)
})

/** A directory in which a compilation is under way that does not end, and its command. */
async function compiling() {
  const dir = temporaryDirectory()
  const model = await endlessH5(dir)
  const output = path.join(dir, 'model.onnx')
  const command = start(['compile', model, '-o', output])
  const scratch = await waitFor(
    () => readdirSync(dir).find((name) => name.includes('.scratch-')),
    'the compilation to start',
  )
  return { dir, output, command, scratch }
}

test('cutover compile leaves nothing when it is interrupted', async () => {
  const { dir, command } = await compiling()
  command.process.kill('SIGINT')
  expect(await command.ended).toEqual({ code: 1, stdout: '', stderr: 'cutover: interrupted\n' })
  expect(readdirSync(dir)).toEqual(['endless.h5'])
})

test('cutover compile clears away what one that was killed left', async () => {
  const { dir, output, command, scratch } = await compiling()
  command.process.kill('SIGKILL')
  await command.ended
  expect(readdirSync(dir)).toContain(scratch)
  const { code } = await compile(fixture('models/tiny/model.h5'), '-o', output)
  expect(code).toBe(0)
  expect(readdirSync(dir).sort()).toEqual(['endless.h5', 'model.onnx'])
})

import { mkdtemp, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { CutoverError, messageOf } from '../domain/errors.ts'
import { isDiskFull } from '../lib/system-error.ts'
import type { CompiledModel } from '../wire/compile-protocol.ts'
import type { Model } from './config/model.ts'
import { parseModel } from './config/parse-model.ts'
import { unloadable } from './failure.ts'
import { GraphBuilder } from './graph/builder.ts'
import type { Graph, Value } from './graph/ir.ts'
import { optimized } from './graph/passes/index.ts'
import { weightsOf } from './layers/index.ts'
import { inputTensor, lowerModel } from './lower-model.ts'
import { encodeModel } from './onnx/encode-model.ts'
import { externalFileOf, writeModel } from './onnx/write-model.ts'
import { openKeras } from './read/open-keras.ts'
import type { Weights } from './read/weights.ts'

/**
 * Compiles a Keras file, .h5 or .keras, to an ONNX model at `target` (and `target`.data beyond
 * 1.5 GB). Throws FORMAT_UNSUPPORTED for a model that cannot be compiled, MODEL_UNLOADABLE for a
 * file that is damaged or not whole, with a sentence that names what is missing, and DISK_FULL.
 */
export async function compileKeras(source: string, target: string): Promise<CompiledModel> {
  await stat(source).catch((error: unknown) => {
    throw unloadable(`${source} cannot be read: ${messageOf(error)}`, error)
  })
  const dir = await mkdtemp(path.join(os.tmpdir(), 'cutover-keras-'))
  try {
    const file = await openKeras(source, dir)
    try {
      const model = parseModel(file.config)
      const weights = file.weights(model, weightsOf)
      const warnings = new Set<string>()
      const graph = graphOf(model, weights, file.kerasMajor, (one) => warnings.add(one))
      const encoded = encodeModel(graph, 'cutover', path.basename(externalFileOf(target)))
      const bytes = writeModel(encoded, target)
      const signature = { inputs: graph.inputs.map(specOf), outputs: graph.outputs.map(specOf) }
      return { signature, nodes: graph.nodes.length, bytes, warnings: [...warnings] }
    } finally {
      file.close()
    }
  } catch (error) {
    throw failureOf(error)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function failureOf(error: unknown): unknown {
  if (isMisled(error)) return misled(error)
  if (!isDiskFull(error)) return error
  return new CutoverError('DISK_FULL', `compiling it: ${messageOf(error)}`, { cause: error })
}

/** Whatever a file says that nobody has thought of ends in an error of the language. */
function isMisled(error: unknown): error is Error {
  return error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError
}

function misled(cause: Error): CutoverError {
  return unloadable(
    /call stack/i.test(cause.message)
      ? "the model's configuration is nested too deep"
      : `the model's configuration makes no sense (${cause.message})`,
    cause,
  )
}

function graphOf(
  model: Model,
  weights: Weights,
  kerasMajor: number,
  warn: (sentence: string) => void,
): Graph {
  const graph = new GraphBuilder()
  const context = { graph, weights, kerasMajor, warn, count: { calls: 0 } }
  const inputs = model.inputs.map((input) => inputTensor(context, input, model))
  const results = lowerModel(context, model, inputs)
  const given = inputs.map((input) => input.value(graph))
  const outputs = model.outputs.map(({ name }, at): Value => {
    const value = results[at]?.value(graph)
    if (value === undefined) throw unloadable(`${model.name} has no output ${name}`)
    return graph.named(value, name)
  })
  return optimized({ name: model.name, inputs: given, outputs, nodes: graph.nodes })
}

function specOf({ name, dtype, shape }: Value) {
  return { name, dtype, shape: shape.map((size, axis) => size ?? (axis === 0 ? 'batch' : null)) }
}

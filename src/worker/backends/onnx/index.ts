import path from 'node:path'

import type { InferenceSession } from 'onnxruntime-node'

import { CutoverError, messageOf } from '../../../domain/errors.ts'
import type { NamedTensors } from '../../../domain/tensor.ts'
import type { Backend, BackendOptions, LoadedModel, RunOptions } from '../backend.ts'
import { loadRuntime, type Runtime } from './runtime.ts'
import { signatureOf } from './signature.ts'
import { fromOrt, toOrt } from './tensors.ts'

/** ONNX models on onnxruntime-node. */
export const onnxBackend: Backend = { name: 'onnx', load }

async function load(options: BackendOptions): Promise<LoadedModel> {
  const runtime = await loadRuntime()
  const { session, device } = await openSession(runtime, options, options.threads)
  const alone =
    options.threadsAlone > options.threads
      ? (await openSession(runtime, options, options.threadsAlone)).session
      : undefined
  const signature = signatureOf(session)

  return {
    signature,
    device,
    runtime: `onnxruntime ${runtime.version}`,
    async run(inputs: NamedTensors, { outputs, alone: isAlone }: RunOptions) {
      const feeds: Record<string, ReturnType<typeof toOrt>> = {}
      for (const [name, tensor] of inputs) feeds[name] = toOrt(runtime, name, tensor)
      const chosen = isAlone === true && alone !== undefined ? alone : session
      const results = await (outputs === undefined
        ? chosen.run(feeds)
        : chosen.run(feeds, [...outputs]))
      // In the model's order, which is not always the order of the runtime's answer.
      return new Map(
        signature.outputs.flatMap(({ name }) => {
          const tensor = results[name]
          return tensor === undefined ? [] : [[name, fromOrt(name, tensor)] as const]
        }),
      )
    },
    async close() {
      await session.release()
      await alone?.release()
    },
  }
}

/**
 * Opens by path, so that external data is found beside the model and nowhere else. A GPU that
 * cannot be used is not an error: the runtime does not fall back by itself, so this does.
 */
async function openSession(
  runtime: Runtime,
  { dir, entry, device }: BackendOptions,
  threads: number,
): Promise<{ session: InferenceSession; device: string }> {
  const file = path.join(dir, entry)
  const common: InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  }
  if (device === 'gpu') {
    try {
      const executionProviders = ['cuda', 'cpu']
      const session = await runtime.InferenceSession.create(file, { ...common, executionProviders })
      return { session, device: 'cuda' }
    } catch (error) {
      process.stderr.write(`no CUDA, the model runs on the CPU: ${messageOf(error)}\n`)
    }
  }
  try {
    const session = await runtime.InferenceSession.create(file, {
      ...common,
      executionProviders: ['cpu'],
    })
    return { session, device: 'cpu' }
  } catch (error) {
    throw new CutoverError(
      'MODEL_UNLOADABLE',
      `onnxruntime does not open ${entry}: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

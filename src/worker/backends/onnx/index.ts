import path from 'node:path'

import type { InferenceSession } from 'onnxruntime-node'

import { CutoverError, messageOf } from '../../../domain/errors.ts'
import type { NamedTensors } from '../../../domain/tensor.ts'
import type { Backend, BackendOptions, LoadedModel, RunOptions } from '../backend.ts'
import { loadRuntime, type Runtime } from './runtime.ts'
import { SessionPerShape } from './session-per-shape.ts'
import { signatureOf } from './signature.ts'
import { fromOrt, toOrt } from './tensors.ts'

/** ONNX models on onnxruntime-node. */
export const onnxBackend: Backend = { name: 'onnx', load }

async function load(options: BackendOptions): Promise<LoadedModel> {
  const runtime = await loadRuntime()
  const { session, device, notice } = await openSession(runtime, options, options.threads)
  const sessions =
    device === 'cpu'
      ? await forCpu(session, runtime, options)
      : new SessionPerShape(session, () => openOnGpu(runtime, options))
  const signature = signatureOf(session)

  return {
    signature,
    device,
    deviceNotice: notice,
    runtime: `onnxruntime ${runtime.version}`,
    async run(inputs: NamedTensors, { outputs, alone }: RunOptions) {
      const feeds: Record<string, ReturnType<typeof toOrt>> = {}
      for (const [name, tensor] of inputs) feeds[name] = toOrt(runtime, name, tensor)
      const results = await sessions.run(
        inputs,
        (chosen) => (outputs === undefined ? chosen.run(feeds) : chosen.run(feeds, [...outputs])),
        alone === true,
      )
      // In the model's order, which is not always the order of the runtime's answer.
      return new Map(
        signature.outputs.flatMap(({ name }) => {
          const tensor = results[name]
          return tensor === undefined ? [] : [[name, fromOrt(name, tensor)] as const]
        }),
      )
    },
    close: () => sessions.release(),
  }
}

/** Where the sessions of a model are, and which of them a run gets. */
interface Sessions {
  run<T>(
    inputs: NamedTensors,
    use: (session: InferenceSession) => Promise<T>,
    isAlone: boolean,
  ): Promise<T>
  release(): Promise<void>
}

/** On a CPU a request that is alone in the server has a session that uses every core. */
async function forCpu(
  session: InferenceSession,
  runtime: Runtime,
  options: BackendOptions,
): Promise<Sessions> {
  const { threads, threadsAlone } = options
  const alone =
    threadsAlone > threads ? (await openSession(runtime, options, threadsAlone)).session : session
  return {
    run: (_inputs, use, isAlone) => use(isAlone ? alone : session),
    async release() {
      await session.release()
      if (alone !== session) await alone.release()
    },
  }
}

interface OpenedSession {
  readonly session: InferenceSession
  readonly device: string
  /** Why it is not on the device that was asked for. */
  readonly notice?: string | undefined
}

/**
 * Opens by path, so that external data is found beside the model and nowhere else. A GPU that
 * cannot be used is not an error: the runtime does not fall back by itself, so this does.
 */
async function openSession(
  runtime: Runtime,
  options: BackendOptions,
  threads: number,
): Promise<OpenedSession> {
  let notice: string | undefined
  if (options.device === 'gpu') {
    try {
      return { session: await openOnGpu(runtime, options), device: 'cuda' }
    } catch (error) {
      notice = `no CUDA, it runs on the CPU: ${messageOf(error)}`
    }
  }
  try {
    return { session: await openOn(['cpu'], runtime, options, threads), device: 'cpu', notice }
  } catch (error) {
    throw new CutoverError(
      'MODEL_UNLOADABLE',
      `onnxruntime does not open ${options.entry}: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

/** What CUDA has no kernel for runs on the CPU. Rejects where there is no CUDA, or no memory left. */
function openOnGpu(runtime: Runtime, options: BackendOptions): Promise<InferenceSession> {
  return openOn(['cuda', 'cpu'], runtime, options, options.threads)
}

function openOn(
  executionProviders: readonly string[],
  { InferenceSession }: Runtime,
  { dir, entry }: BackendOptions,
  threads: number,
): Promise<InferenceSession> {
  return InferenceSession.create(path.join(dir, entry), {
    executionProviders,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  })
}

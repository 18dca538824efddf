import { createRequire } from 'node:module'
import type util from 'node:util'

import type * as TensorFlow from '@tensorflow/tfjs-node'

import { CutoverError, messageOf } from '../../../domain/errors.ts'

export type Runtime = typeof TensorFlow

const CPU_PACKAGE = '@tensorflow/tfjs-node'
const GPU_PACKAGE = '@tensorflow/tfjs-node-gpu'

/**
 * Loads the binding that is set up: the one for the device first. Its environment must be set
 * before, because TensorFlow reads it once. Throws MODEL_UNLOADABLE when neither is set up.
 */
export function loadRuntime(
  device: 'cpu' | 'gpu',
  threads: number,
): { tf: Runtime; device: string; notice?: string | undefined } {
  Object.assign(process.env, {
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: '1',
    // Without it one process takes the whole memory of a GPU.
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    TF_CPP_MIN_LOG_LEVEL: '2',
  })
  restoreRemovedUtilities()
  const require = createRequire(import.meta.url)
  const packages = device === 'gpu' ? [GPU_PACKAGE, CPU_PACKAGE] : [CPU_PACKAGE, GPU_PACKAGE]
  const failures: string[] = []
  for (const name of packages) {
    try {
      const tf = require(name) as Runtime
      const isOther = device === 'gpu' && name !== GPU_PACKAGE
      const notice = isOther ? `it runs on the CPU: ${failures.join('; ')}` : undefined
      return { tf, device: name === GPU_PACKAGE ? 'gpu' : 'cpu', notice }
    } catch (error) {
      failures.push(`${name}: ${messageOf(error).split('\n')[0]}`)
    }
  }
  throw new CutoverError(
    'MODEL_UNLOADABLE',
    `the TensorFlow engine is not set up: run npm run setup:tensorflow (${failures.join('; ')})`,
  )
}

/** tfjs-node 4.22 calls these; Node 23 removed them (tensorflow/tfjs#8425, not released). */
function restoreRemovedUtilities(): void {
  const legacy = createRequire(import.meta.url)('node:util') as typeof util & {
    isNullOrUndefined?: (value: unknown) => boolean
    isArray?: (value: unknown) => boolean
  }
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined
  legacy.isArray ??= Array.isArray
}

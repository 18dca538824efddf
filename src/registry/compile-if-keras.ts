import { mkdir } from 'node:fs/promises'
import path from 'node:path'

import type { ManifestFile } from '../domain/manifest.ts'
import { compiledModel } from './compiled-cache.ts'
import type { DetectedModel } from './detect-format.ts'

/** Where the compiled model lies in a version's copy. */
const FOLDER = 'cutover-compiled'

export interface KerasOptions {
  /** The copy, whose files have been verified. */
  readonly dir: string
  readonly files: readonly ManifestFile[]
  /** What was compiled before is kept here. */
  readonly cacheDir: string
  readonly bytesMax: number
  readonly signal: AbortSignal
}

/**
 * A Keras model is compiled to ONNX beside its file, and that is what is opened; any other model
 * is left as it is. Throws FORMAT_UNSUPPORTED or MODEL_UNLOADABLE when it cannot be compiled,
 * DISK_FULL or ENGINE_CRASHED when that was not its fault.
 */
export async function compileIfKeras(
  model: DetectedModel,
  { dir, files, cacheDir, bytesMax, signal }: KerasOptions,
): Promise<DetectedModel> {
  const file = files.find((one) => one.path === model.entry)
  if (model.format !== 'keras' || file === undefined) return model
  const to = path.join(dir, FOLDER)
  await mkdir(to, { mode: 0o700 })
  const source = path.join(dir, file.path)
  const { sha256 } = file
  const name = await compiledModel(cacheDir, { source, sha256, to, bytesMax, signal })
  return { format: 'keras', entry: `${FOLDER}/${name}` }
}

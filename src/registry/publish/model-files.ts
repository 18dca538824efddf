import type { Stats } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'

import { CutoverError, messageOf } from '../../domain/errors.ts'
import { isAbsent } from '../../lib/system-error.ts'
import { MANIFEST_FILE, VERSION_FILES_MAX } from '../../wire/manifest.ts'
import { modelFiles } from '../detect-format.ts'
import { isLasting, lookAt } from '../version-sight.ts'

/** The files of a model as they lie on this machine. */
export interface ModelFiles {
  readonly dir: string
  /** Relative to `dir`, `/`-separated. A manifest is none of them. */
  readonly paths: readonly string[]
}

/**
 * What a path to a model stands for: a directory with all it holds but hidden and temporary files,
 * or one model file with the weights that lie beside it. Throws CONFIG_INVALID.
 */
export async function modelFilesAt(given: string): Promise<ModelFiles> {
  const target = await realpath(given).catch((error: unknown) => {
    throw invalid(isAbsent(error) ? `there is no ${given}` : messageOf(error))
  })
  const stats: Stats = await stat(target)
  const name = path.basename(target)
  if (stats.isDirectory()) return filesBelow(target)
  const kind = modelFiles([name])[0]?.kind
  if (!stats.isFile() || kind === undefined) {
    throw invalid(`${given} is no model: expected a model's directory, or a .onnx file`)
  }
  // These two fill their directory.
  if (kind === 'saved-model' || kind === 'tfjs') return filesBelow(path.dirname(target))
  // Where exporters put weights that are too large for the .onnx file itself.
  const names = new Set([name, `${name}.data`, `${name}_data`])
  return filesBelow(path.dirname(target), (file) => names.has(file))
}

async function filesBelow(
  dir: string,
  wanted: (file: string) => boolean = isLasting,
): Promise<ModelFiles> {
  const includes = (file: string) => file !== MANIFEST_FILE && wanted(file)
  const sight = await lookAt({ model: '', version: 0, dir, isNamed: false, includes })
  const paths = (sight?.files ?? []).map(({ path }) => path)
  if (paths.length === 0) throw invalid(`there are no files in ${dir}`)
  if (paths.length > VERSION_FILES_MAX) {
    throw invalid(`${dir} holds more than ${VERSION_FILES_MAX} files`)
  }
  return { dir, paths }
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('CONFIG_INVALID', sentence)
}

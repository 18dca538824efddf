import { CutoverError } from '../domain/errors.ts'
import type { ModelFormat } from '../domain/manifest.ts'

const NAMED_MAX = 5

/** A file that a model starts at. What a `model.json` is only its content tells. */
export interface ModelFile {
  readonly path: string
  readonly kind: 'onnx' | 'saved-model' | 'tfjs' | 'keras'
}

export interface DetectedModel {
  readonly format: ModelFormat
  /** What a backend opens, relative to the version's directory: '' is the directory itself. */
  readonly entry: string
}

/** The files among these that a model can start at: the shallowest ones, as data lies deeper. */
export function modelFiles(paths: readonly string[], format?: ModelFormat): ModelFile[] {
  const found = paths.flatMap((path) => {
    const kind = kindOf(path)
    return kind !== undefined && (format === undefined || kindOfFormat(format) === kind)
      ? [{ path, kind, depth: path.split('/').length }]
      : []
  })
  const shallowest = Math.min(...found.map(({ depth }) => depth))
  return found.filter(({ depth }) => depth === shallowest).map(({ path, kind }) => ({ path, kind }))
}

/**
 * Which format a version has, and what of it to open, by the names of its files. Only a
 * TensorFlow.js model's `model.json` is read. Throws FORMAT_UNSUPPORTED with a sentence that says
 * what is missing or ambiguous.
 */
export async function detectFormat(
  paths: readonly string[],
  stated: ModelFormat | undefined,
  readJson: (path: string) => Promise<unknown>,
): Promise<DetectedModel> {
  const { path, kind } = theOne(modelFiles(paths, stated), stated)
  if (kind === 'saved-model') return { format: kind, entry: path.split('/').slice(0, -1).join('/') }
  if (kind !== 'tfjs') return { format: kind, entry: path }
  const format = tfjsFormatOf(await readJson(path))
  if (format === undefined) {
    throw unsupported(`${path} is no TensorFlow.js model: it has no modelTopology`)
  }
  if (stated !== undefined && stated !== format) {
    throw unsupported(`${path} is ${format}, but manifest.json says ${stated}`)
  }
  return { format, entry: path }
}

/** Tells the two kinds of TensorFlow.js models apart; undefined: it is neither. */
export function tfjsFormatOf(json: unknown): 'tfjs-graph' | 'tfjs-layers' | undefined {
  const format = member(json, 'format')
  if (format === 'graph-model') return 'tfjs-graph'
  if (format === 'layers-model') return 'tfjs-layers'
  // Files of older converters do not say.
  const topology = member(json, 'modelTopology')
  if (Array.isArray(member(topology, 'node'))) return 'tfjs-graph'
  const isLayers = ['model_config', 'class_name', 'keras_version'].some(
    (key) => member(topology, key) !== undefined,
  )
  return isLayers ? 'tfjs-layers' : undefined
}

function theOne(candidates: readonly ModelFile[], stated: ModelFormat | undefined): ModelFile {
  const [first, ...others] = candidates
  if (first === undefined) {
    const wanted = stated === undefined ? '' : `${stated} `
    throw unsupported(
      `no ${wanted}model among the files: expected a .onnx file, a saved_model.pb, ` +
        `a TensorFlow.js model.json, or a .keras or .h5 file`,
    )
  }
  if (others.length === 0) return first
  const isMixed = candidates.some(({ kind }) => kind !== first.kind)
  const named = candidates.filter(({ path }) => /(^|\/)model\.[a-z0-9]+$/.test(path))
  if (!isMixed && named.length === 1 && named[0] !== undefined) return named[0]
  const names = candidates.slice(0, NAMED_MAX).map(({ path }) => path)
  if (candidates.length > NAMED_MAX) names.push(`${candidates.length - NAMED_MAX} more`)
  throw unsupported(
    `more than one model among the files (${names.join(', ')}): keep one, or ` +
      (isMixed
        ? 'state its format in manifest.json'
        : 'call the one to serve model.onnx or the like'),
  )
}

function kindOf(path: string): ModelFile['kind'] | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (name === 'saved_model.pb') return 'saved-model'
  if (name === 'model.json') return 'tfjs'
  if (/\.onnx$/i.test(name)) return 'onnx'
  if (/\.(keras|h5|hdf5)$/i.test(name)) return 'keras'
  return undefined
}

function kindOfFormat(format: ModelFormat): ModelFile['kind'] {
  return format === 'tfjs-graph' || format === 'tfjs-layers' ? 'tfjs' : format
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined
}

function unsupported(sentence: string): CutoverError {
  return new CutoverError('FORMAT_UNSUPPORTED', sentence)
}

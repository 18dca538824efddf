import { type EngineName, engineOf, type ModelFormat } from '../../domain/manifest.ts'
import type { Backend } from './backend.ts'

/** A process loads one runtime: the others are never imported. */
const BACKENDS: Record<EngineName, () => Promise<Backend>> = {
  onnx: async () => (await import('./onnx/index.ts')).onnxBackend,
  tensorflow: async () => (await import('./tensorflow/index.ts')).tensorflowBackend,
}

export function backendFor(format: ModelFormat): Promise<Backend> {
  return BACKENDS[engineOf(format)]()
}

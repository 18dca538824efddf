import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import path from 'node:path'

import type { ImageSettings, Manifest, ManifestFile } from '../../src/domain/manifest.ts'
import { REPOSITORY } from './options.ts'
import { IMAGE_SETTINGS } from './photo.ts'

const MODEL_NAME = 'model.onnx'

/** EfficientNet-Lite0: float16 weights that are 18 MB once it is loaded as float32. */
export const MODEL_FILE = path.join(REPOSITORY, 'models', 'efficientnet-lite', '1', 'model.onnx')

const TINY_MODEL_FILE = path.join(REPOSITORY, 'test/fixtures/v2/models/tiny/1/model.onnx')

/**
 * A folder with `tiny`, a model that takes four numbers and no time: all that a request costs is
 * ours. With `batching`, requests share runs.
 */
export function tinyRegistry(dir: string, batching?: Manifest['batching']): string {
  const version = path.join(dir, 'tiny', '1')
  mkdirSync(version, { recursive: true })
  cpSync(TINY_MODEL_FILE, path.join(version, MODEL_NAME))
  commit(version, { model: 'tiny', version: 1, files: [fileOf(TINY_MODEL_FILE)], batching })
  return dir
}

/** A folder registry with one model, which the benchmark publishes versions to. */
export class Registry {
  readonly dir: string
  readonly #modelFile: string
  readonly #image: ImageSettings
  readonly #file: ManifestFile

  constructor(dir: string, modelFile = MODEL_FILE, image: ImageSettings = IMAGE_SETTINGS) {
    this.dir = dir
    this.#modelFile = modelFile
    this.#image = image
    this.#file = fileOf(modelFile)
    this.publishSync(1)
  }

  /** Copies the model first and commits the manifest last, as a publisher does. */
  async publish(version: number): Promise<void> {
    const dir = this.#versionDir(version)
    await cp(this.#modelFile, path.join(dir, MODEL_NAME))
    this.#commit(dir, version)
  }

  publishSync(version: number): void {
    const dir = this.#versionDir(version)
    cpSync(this.#modelFile, path.join(dir, MODEL_NAME))
    this.#commit(dir, version)
  }

  #versionDir(version: number): string {
    const dir = path.join(this.dir, 'bench', String(version))
    mkdirSync(dir, { recursive: true })
    return dir
  }

  #commit(dir: string, version: number): void {
    commit(dir, { model: 'bench', version, files: [this.#file], image: this.#image })
  }
}

function fileOf(file: string): ManifestFile {
  const bytes = readFileSync(file)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { path: MODEL_NAME, bytes: bytes.length, sha256 }
}

/** A version is there from this moment on. */
function commit(dir: string, manifest: Omit<Manifest, 'schema' | 'format'>): void {
  const whole: Manifest = { schema: 'cutover/manifest/v1', format: 'onnx', ...manifest }
  const staging = path.join(dir, '.manifest.json.tmp')
  writeFileSync(staging, JSON.stringify(whole))
  renameSync(staging, path.join(dir, 'manifest.json'))
}

import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import path from 'node:path'

import type { ImageSettings, Manifest } from '../../src/domain/manifest.ts'
import { REPOSITORY } from './options.ts'
import { IMAGE_SETTINGS } from './photo.ts'

/** EfficientNet-Lite0: float16 weights that are 18 MB once it is loaded as float32. */
export const MODEL_FILE = path.join(REPOSITORY, 'models', 'efficientnet-lite', '1', 'model.onnx')

/** A model that takes four numbers and no time: all that a request costs is ours. */
export const TINY_MODEL = path.join(REPOSITORY, 'test', 'fixtures', 'v2', 'models', 'tiny')

/** A folder registry with one model, which the benchmark publishes versions to. */
export class Registry {
  readonly dir: string
  readonly #modelFile: string
  readonly #image: ImageSettings
  readonly #file: { path: string; bytes: number; sha256: string }

  constructor(dir: string, modelFile = MODEL_FILE, image: ImageSettings = IMAGE_SETTINGS) {
    this.dir = dir
    this.#modelFile = modelFile
    this.#image = image
    const bytes = readFileSync(modelFile)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    this.#file = { path: 'model.onnx', bytes: bytes.length, sha256 }
    this.publishSync(1)
  }

  /** Copies the model first and commits the manifest last, as a publisher does. */
  async publish(version: number): Promise<void> {
    const dir = this.#versionDir(version)
    await cp(this.#modelFile, path.join(dir, this.#file.path))
    this.#commit(dir, version)
  }

  publishSync(version: number): void {
    const dir = this.#versionDir(version)
    cpSync(this.#modelFile, path.join(dir, this.#file.path))
    this.#commit(dir, version)
  }

  #versionDir(version: number): string {
    const dir = path.join(this.dir, 'bench', String(version))
    mkdirSync(dir, { recursive: true })
    return dir
  }

  #commit(dir: string, version: number): void {
    const manifest: Manifest = {
      schema: 'cutover/manifest/v1',
      model: 'bench',
      version,
      format: 'onnx',
      files: [this.#file],
      image: this.#image,
    }
    const staging = path.join(dir, '.manifest.json.tmp')
    writeFileSync(staging, JSON.stringify(manifest))
    renameSync(staging, path.join(dir, 'manifest.json'))
  }
}

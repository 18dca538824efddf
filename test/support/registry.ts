import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll } from 'vitest'

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
}

const directories: string[] = []
afterAll(() => {
  for (const dir of directories) rmSync(dir, { recursive: true, force: true })
})

/** A directory that the test file's end removes. */
export function temporaryDirectory(): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'cutover-test-'))
  directories.push(dir)
  return dir
}

/** A registry folder whose versions are the small models of test/fixtures/models. */
export class TestRegistry {
  readonly dir = temporaryDirectory()

  versionDir(model: string, version: number): string {
    return path.join(this.dir, model, String(version))
  }

  /** Adds a version at once, as a rename does. */
  add(model: string, version: number, network: string, manifest?: object): void {
    const staging = path.join(this.dir, `.staging-${model}-${version}`)
    mkdirSync(staging, { recursive: true })
    copyFileSync(fixture(`models/${network}.onnx`), path.join(staging, 'model.onnx'))
    if (manifest !== undefined) {
      writeFileSync(path.join(staging, 'manifest.json'), JSON.stringify(manifest))
    }
    mkdirSync(path.join(this.dir, model), { recursive: true })
    renameSync(staging, this.versionDir(model, version))
  }

  /** Writes the model.json of a model. */
  setPolicy(model: string, policy: object): void {
    writeFileSync(path.join(this.dir, model, 'model.json'), JSON.stringify(policy))
  }

  remove(model: string, version: number): void {
    rmSync(this.versionDir(model, version), { recursive: true })
  }
}

export function registryWith(...versions: [model: string, version: number, network: string][]) {
  const registry = new TestRegistry()
  for (const version of versions) registry.add(...version)
  return registry
}

import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { expect, test } from 'vitest'

import { predict } from '../support/client.ts'
import { fixture, temporaryDirectory } from '../support/registry.ts'
import { startServer, waitFor } from '../support/server.ts'

/** The digits were scaled by 1/255, which no signature tells. */
const IMAGE = { scale: 1 / 255 }

/** A registry with one network in two formats, as two models. */
function registry(): string {
  const dir = temporaryDirectory()
  const add = (model: string, source: string, files: string[]) => {
    const version = path.join(dir, model, '1')
    mkdirSync(version, { recursive: true })
    for (const file of files) {
      cpSync(fixture(`models/tiny/${source}${file}`), path.join(version, file))
    }
    return version
  }
  add('onnx', '', ['model.onnx'])
  add('tensorflow', 'saved_model/', [
    'saved_model.pb',
    'variables/variables.index',
    'variables/variables.data-00000-of-00001',
  ])
  return dir
}

test('the same network on both engines gives the same classes and logits', async () => {
  const dir = registry()
  writeManifests(dir)
  const server = await startServer(dir, { flags: ['--engines', '1'] })
  await waitFor(
    async () => (await server.metric('cutover_model_info')) === 2,
    'both models to be loaded',
  )
  const digits = JSON.parse(readFileSync(fixture('images/digits/labels.json'), 'utf8')) as Record<
    string,
    { expect: { v1: { cls: number } } }
  >
  for (const [file, digit] of Object.entries(digits)) {
    const image = readFileSync(fixture(`images/digits/${file}`))
    const [onnx, tensorflow] = await Promise.all(
      ['onnx', 'tensorflow'].map(async (model) => {
        const { body } = await predict(server.url, image, `/models/${model}/predict?top_k=10`)
        return body
      }),
    )
    expect([file, onnx?.class_index, tensorflow?.class_index]).toEqual([
      file,
      digit.expect.v1.cls,
      digit.expect.v1.cls,
    ])
    const logits = new Map(
      tensorflow?.predictions?.map(({ class_index, score }) => [class_index, Math.log(score)]),
    )
    for (const { class_index, score } of onnx?.predictions ?? []) {
      expect(Math.abs(Math.log(score) - (logits.get(class_index) ?? NaN))).toBeLessThan(1e-3)
    }
  }
  const { models } = (await (await fetch(`${server.url}/models`)).json()) as {
    models: { name: string; versions: { runtime: string; format: string }[] }[]
  }
  const runtimes = models.map(({ name, versions }) => [name, versions[0]?.format] as const)
  expect(Object.fromEntries(runtimes)).toEqual({ onnx: 'onnx', tensorflow: 'saved-model' })
})

/** Writes a manifest beside the files of each version, as a publisher would. */
function writeManifests(dir: string): void {
  for (const model of readdirSync(dir)) {
    const version = path.join(dir, model, '1')
    const files = readdirSync(version, { recursive: true, encoding: 'utf8' })
      .filter((file) => statSync(path.join(version, file)).isFile())
      .map((file) => {
        const content = readFileSync(path.join(version, file))
        const sha256 = createHash('sha256').update(content).digest('hex')
        return { path: file, bytes: content.length, sha256 }
      })
    const manifest = { schema: 'cutover/manifest/v1', files, image: IMAGE }
    writeFileSync(path.join(version, 'manifest.json'), JSON.stringify(manifest))
  }
}

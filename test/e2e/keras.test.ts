import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { expect, test } from 'vitest'

import { predict } from '../support/client.ts'
import { fixture, temporaryDirectory } from '../support/registry.ts'
import { startServer, waitFor } from '../support/server.ts'

const digits = JSON.parse(readFileSync(fixture('images/digits/labels.json'), 'utf8')) as Record<
  string,
  { expect: { v1: { cls: number } } }
>

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

test('a Keras file in a registry is served, and a damaged one leaves the last in place', async () => {
  const dir = temporaryDirectory()
  const add = (version: number, content: Uint8Array) => {
    const folder = path.join(dir, 'digits', String(version))
    mkdirSync(folder, { recursive: true })
    writeFileSync(path.join(folder, 'model.h5'), content)
    // The digits were scaled by 1/255, which no file tells.
    const files = [{ path: 'model.h5', bytes: content.length, sha256: sha256(content) }]
    const manifest = { format: 'keras', files, image: { scale: 1 / 255 } }
    writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifest))
  }
  const whole = readFileSync(fixture('models/tiny/model.h5'))
  add(1, whole)
  const server = await startServer(dir, { flags: ['--engines', '1'] })
  for (const [file, digit] of Object.entries(digits)) {
    const { body } = await predict(server.url, readFileSync(fixture(`images/digits/${file}`)))
    expect([file, body.class_index]).toEqual([file, digit.expect.v1.cls])
  }
  add(2, whole.subarray(0, 30_000))
  const rejected = await waitFor(
    () => server.log.find(({ msg }) => /cut off/.test(msg)),
    'the damaged version to be rejected',
  )
  expect(rejected.msg).toContain('30000 of 49704 bytes')
  const { status, headers } = await predict(
    server.url,
    readFileSync(fixture('images/digits/digit_3_0.png')),
  )
  expect([status, headers.get('x-model-version')]).toEqual([200, '1'])
  await server.stop()
})

test('a Keras file is served by itself', async () => {
  const dir = temporaryDirectory()
  cpSync(fixture('models/tiny/model_tf212.h5'), path.join(dir, 'digits.h5'))
  const server = await startServer(path.join(dir, 'digits.h5'), { flags: ['--engines', '1'] })
  const { models } = (await (await fetch(`${server.url}/models`)).json()) as {
    models: { name: string; versions: { format: string }[] }[]
  }
  expect(models.map(({ name, versions }) => [name, versions[0]?.format])).toEqual([
    ['digits', 'keras'],
  ])
  const { status } = await predict(server.url, readFileSync(fixture('images/digits/digit_3_0.png')))
  expect(status).toBe(200)
  await server.stop()
})

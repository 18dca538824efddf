import { writeFileSync } from 'node:fs'
import path from 'node:path'

import { describe, expect, test } from 'vitest'

import { predict } from '../support/client.ts'
import { dark } from '../support/images.ts'
import { registryWith } from '../support/registry.ts'
import { startServer, type TestServer, waitFor } from '../support/server.ts'

const ONE_ENGINE = ['--engines', '1', '--threads-alone', '0']

async function readiness(server: TestServer) {
  const response = await fetch(`${server.url}/healthz/ready`)
  const { reason } = (await response.json()) as { reason?: string }
  return { status: response.status, reason }
}

const refused = (server: TestServer) =>
  server.log
    .filter(({ event }) => event === 'requests.refused')
    .map(({ level, msg }) => [level, msg])

describe('a server is not ready, and says why,', () => {
  test('while its folder holds no version of a model', async () => {
    const { dir } = registryWith()
    const server = await startServer(dir, { listeningOnly: true })
    const [told] = await waitFor(() => refused(server).length > 0 && refused(server), 'the warning')
    const reason = `no model is loaded: ${dir} holds no version of one (expected NAME/VERSION/ with its files)`
    expect(told).toEqual([40, `every request: refused, ${reason}`])
    expect(await readiness(server)).toEqual({ status: 503, reason })
  })

  test('while its only version is rejected', async () => {
    const registry = registryWith(['m', 1, 'class-1'])
    writeFileSync(path.join(registry.versionDir('m', 1), 'model.onnx'), 'no model')
    const server = await startServer(registry.dir, { listeningOnly: true })
    await waitFor(() => refused(server).length > 0, 'the warning')
    const { status, reason } = await readiness(server)
    expect(status).toBe(503)
    expect(reason).toMatch(/^no model is loaded: m 1: \w+ \w+/)
    // Files are named as the registry names them, not by their place in the private copy.
    expect(reason).toContain(' model.onnx')
  })

  test('while the default model is not served', async () => {
    const registry = registryWith(['m', 1, 'class-1'])
    const server = await startServer(registry.dir, {
      flags: [...ONE_ENGINE, '--default-model', 'n'],
      listeningOnly: true,
    })
    await waitFor(() => refused(server).length > 0, 'the warning')
    const reason = 'there is no model n; served: m'
    expect(refused(server)).toEqual([[40, `requests that name no model: refused, ${reason}`]])
    expect(await readiness(server)).toEqual({ status: 503, reason })
    registry.add('n', 1, 'class-2')
    await waitFor(async () => (await readiness(server)).status === 200, 'the model')
    expect((await predict(server.url, dark)).body.class_index).toBe(2)
  })
})

test('where a second model makes /predict ambiguous, that is told', async () => {
  const registry = registryWith(['m', 1, 'class-1'])
  const server = await startServer(registry.dir, { flags: ONE_ENGINE })
  expect(refused(server)).toEqual([])
  registry.add('n', 1, 'class-2')
  const [told] = await waitFor(() => refused(server).length > 0 && refused(server), 'the warning')
  expect(told).toEqual([
    40,
    expect.stringMatching(
      /^requests that name no model: refused, .* --default-model NAME; .* m, n$/,
    ),
  ])
  const { status, body } = await predict(server.url, dark)
  expect([status, body.code]).toEqual([400, 'MODEL_AMBIGUOUS'])
  expect(await readiness(server)).toEqual({ status: 200, reason: undefined })
})

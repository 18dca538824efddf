import { utimesSync } from 'node:fs'
import path from 'node:path'

import { describe, expect, test } from 'vitest'

import { predict } from '../support/client.ts'
import { bright } from '../support/images.ts'
import { startLoad } from '../support/load.ts'
import { registryWith } from '../support/registry.ts'
import { type LogLine, startServer, type TestServer, waitFor } from '../support/server.ts'

/** Short enough for a test: three steps, blocks of a fifth of a second. */
const POLICY = {
  rollout: {
    strategy: 'canary',
    steps: [
      { weight: 10, minRequests: 20, minDuration: '500ms' },
      { weight: 50, minRequests: 50, minDuration: '500ms' },
    ],
    judge: { block: '200ms', classes: { enabled: false } },
  },
}

async function serve(
  registry: ReturnType<typeof registryWith>,
  { policy = POLICY, flags = [] }: { policy?: object; flags?: string[] } = {},
) {
  registry.setPolicy('m', policy)
  return startServer(registry.dir, { flags })
}

async function happened(server: TestServer, kind: string, version: number): Promise<void> {
  const isIt = (line: LogLine) => line['version'] === version
  try {
    await waitFor(() => server.events(kind).some(isIt), `${kind} of ${version}`)
  } catch (error) {
    const told = server.log.filter(({ event }) => String(event).startsWith('rollout.'))
    throw new Error(told.map(({ msg }) => msg).join('\n'), { cause: error })
  }
}

describe('a new version', () => {
  test('that is good is promoted step by step, and no request fails', async () => {
    const registry = registryWith(['m', 1, 'class-1'])
    const server = await serve(registry)
    const load = startLoad(server.url, bright, 16)
    registry.add('m', 2, 'class-2')
    await happened(server, 'rollout.promoted', 2)
    await waitFor(
      async () => (await predict(server.url, bright)).body.class_index === 2,
      'version 2',
    )
    const { failures, classes } = await load.stop()
    expect(failures).toEqual([])
    expect(new Set(classes.keys())).toEqual(new Set([1, 2]))
    expect(server.events('rollout.step').map(({ msg }) => msg)).toEqual([
      'm 1 → 2 gets 10 % of the traffic',
      'm 1 → 2 gets 50 % of the traffic',
    ])
    expect(server.events('rollout.rollingBack')).toEqual([])
  })

  test.each([
    ['answers with errors', 'fail', 'errors'],
    ['answers with NaN', 'nan', 'invalid outputs'],
  ])('that %s is rolled back, and no request fails', async (_what, network, reason) => {
    const registry = registryWith(['m', 1, 'class-1'])
    const server = await serve(registry)
    const load = startLoad(server.url, bright, 16)
    registry.add('m', 2, network)
    await happened(server, 'rollout.quarantined', 2)
    const { failures, classes } = await load.stop()
    expect(failures).toEqual([])
    expect([...classes.keys()]).toEqual([1])
    expect(server.events('rollout.rollingBack')[0]?.msg).toContain(reason)
    // It stays away, also after a restart.
    await server.stop()
    const again = await startServer(registry.dir)
    expect((await predict(again.url, bright)).body.class_index).toBe(1)
    await waitFor(() => again.events('version.rejected').length > 0, 'the quarantine')
    expect(again.events('version.rejected')[0]).toMatchObject({ code: 'QUARANTINED', version: 2 })
    registry.add('m', 3, 'class-3')
    const second = startLoad(again.url, bright, 8)
    await happened(again, 'rollout.promoted', 3)
    expect((await second.stop()).failures).toEqual([])
  })

  test('that ends its engines is rolled back at once, and no request fails', async () => {
    const registry = registryWith(['m', 1, 'class-1'])
    const server = await serve(registry, { flags: ['--engine-memory-bytes-max', '600MB'] })
    const load = startLoad(server.url, bright, 8)
    registry.add('m', 2, 'hog')
    await happened(server, 'rollout.quarantined', 2)
    const { failures, classes } = await load.stop()
    expect(failures).toEqual([])
    expect([...classes.keys()]).toEqual([1])
    expect(server.events('rollout.rollingBack')[0]?.msg).toMatch(/crashed|errors/)
    // What the candidate's processes end under is not tried on another one of them.
    expect(server.events('request.retried')).toEqual([])
  })

  test('that is too slow for the deadline of its requests is rolled back', async () => {
    const registry = registryWith(['m', 1, 'class-1'])
    const server = await serve(registry, {
      flags: ['--request-timeout-ms', '1000', '--run-timeout-ms', '10000'],
    })
    const load = startLoad(server.url, bright, 8, 10)
    registry.add('m', 2, 'hang')
    await happened(server, 'rollout.quarantined', 2)
    const { classes } = await load.stop()
    expect([...classes.keys()]).toEqual([1])
    expect(server.events('rollout.rollingBack')[0]?.msg).toContain('errors')
  })

  test('that takes other inputs is rolled back, and no request fails', async () => {
    const registry = registryWith(['m', 1, '../v2/models/tiny/1/model'])
    const server = await serve(registry)
    registry.add('m', 2, '../v2/models/identity_int32/1/model')
    const body = JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] }],
    })
    const ask = () => fetch(`${server.url}/v2/models/m/infer`, { method: 'POST', body })
    const failures: string[] = []
    await waitFor(async () => {
      for (const answer of await Promise.all(Array.from({ length: 8 }, ask))) {
        if (!answer.ok) failures.push(await answer.text())
        else await answer.arrayBuffer()
      }
      return server.events('rollout.quarantined').length > 0
    }, 'the quarantine')
    expect(failures).toEqual([])
    expect(server.events('rollout.rollingBack')[0]?.msg).toContain('errors')
  })

  test('that hangs leaves the stable version what is left of the time, and no more', async () => {
    const registry = registryWith(['m', 1, 'hang'])
    const steps = [{ weight: 100, minRequests: 1_000_000, minDuration: '1h' }]
    const judge = { crashes: { enabled: false } }
    const server = await serve(registry, {
      policy: { rollout: { strategy: 'canary', steps, judge } },
      flags: ['--request-timeout-ms', '4000', '--run-timeout-ms', '1500'],
    })
    registry.add('m', 2, 'hang')
    await happened(server, 'rollout.step', 2)
    // The canary hangs for 1.5 s. In what is left the stable version hangs, and is not waited for.
    expect((await predict(server.url, bright)).body.code).toBe('DEADLINE_EXCEEDED')
  })

  test('that answers something else is paused, or rolled back where the policy says so', async () => {
    const judge = { ...POLICY.rollout.judge, classes: { enabled: true } }
    const registry = registryWith(['m', 1, 'class-1'])
    const server = await serve(registry, { policy: { rollout: { ...POLICY.rollout, judge } } })
    const load = startLoad(server.url, bright, 16)
    registry.add('m', 2, 'class-2')
    await happened(server, 'rollout.paused', 2)
    expect(server.events('rollout.paused')[0]?.msg).toMatch(
      /class \d+ (more|less) often|other classes/,
    )
    const strict = { ...judge, classes: { enabled: true, onRegression: 'rollback' } }
    registry.setPolicy('m', { rollout: { ...POLICY.rollout, judge: strict } })
    await happened(server, 'rollout.quarantined', 2)
    expect((await load.stop()).failures).toEqual([])
  })

  test('that is slower is rolled back, and no request fails', async () => {
    const registry = registryWith(['m', 1, 'tiny/model'])
    const server = await serve(registry)
    const load = startLoad(server.url, bright, 8)
    // What is slower than it was needs something to compare with.
    await waitFor(() => load.answers > 1_000, 'a baseline')
    registry.add('m', 2, 'tiny/model-slow')
    await happened(server, 'rollout.quarantined', 2)
    expect((await load.stop()).failures).toEqual([])
    expect(server.events('rollout.rollingBack')[0]?.msg).toContain('slower than the')
  })

  test('whose files are not still yet when the server starts again is waited for', async () => {
    const registry = registryWith(['m', 1, 'class-1'])
    const server = await serve(registry)
    registry.add('m', 2, 'class-2')
    await happened(server, 'rollout.step', 2)
    await server.stop()

    utimesSync(path.join(registry.versionDir('m', 2), 'model.onnx'), new Date(), new Date())
    const again = await startServer(registry.dir, { flags: ['--settle-ms', '2000'] })
    await happened(again, 'version.ready', 2)
    await again.stop()
    const kinds = again.log.map(({ event }) => event)
    expect(kinds).not.toContain('rollout.withdrawn')
    expect(kinds).not.toContain('rollout.staged')
  })
})

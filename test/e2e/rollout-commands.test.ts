import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { cutover } from '../support/cutover.ts'
import { bright } from '../support/images.ts'
import { startLoad } from '../support/load.ts'
import { registryWith } from '../support/registry.ts'
import { startServer, type TestServer, waitFor } from '../support/server.ts'

/** A canary that waits: nothing but a command moves it. */
const WAITING = {
  rollout: {
    strategy: 'canary',
    steps: [
      { weight: 10, minRequests: 1_000_000 },
      { weight: 50, minRequests: 1_000_000 },
    ],
    // A busy machine may make the few requests of a canary slow, and a regression ends what waits.
    judge: { block: '200ms', classes: { enabled: false }, latency: { enabled: false } },
  },
}

const registry = registryWith(['m', 1, 'class-1'])
let server: TestServer
let admin: string
let load: ReturnType<typeof startLoad>

beforeAll(async () => {
  registry.setPolicy('m', WAITING)
  server = await startServer(registry.dir, { flags: ['--admin-port', '0'] })
  admin = `http://127.0.0.1:${Number(server.log.find((line) => line['adminPort'])?.['adminPort'])}`
  load = startLoad(server.url, bright, 4)
})
afterAll(async () => {
  expect((await load.stop()).failures).toEqual([])
})

function run(...args: string[]) {
  return cutover([...args, '--admin', admin])
}

async function phase(): Promise<string> {
  const { rollouts } = (await (await fetch(`${admin}/rollouts`)).json()) as {
    rollouts: { state: { phase: { kind: string; weight?: number } } }[]
  }
  const { kind = '', weight } = rollouts[0]?.state.phase ?? {}
  return weight === undefined ? kind : `${kind} ${weight}`
}

function phaseBecomes(expected: string): Promise<unknown> {
  return waitFor(async () => (await phase()) === expected, `the phase ${expected}`)
}

describe('a rollout', () => {
  test('is shown, paused, resumed, promoted step by step and rolled back by a person', async () => {
    registry.add('m', 2, 'class-2')
    await phaseBecomes('canary 10')
    const shown = await run('status', 'm')
    expect(shown.code).toBe(0)
    expect(shown.stdout).toMatch(/^m {2}canary at 10 %\n {2}stable {5}1\n {2}candidate {2}2\n/)

    expect(await run('pause', 'm', '--reason', 'looks odd', '--who', 'ann')).toMatchObject({
      code: 0,
    })
    expect(await phase()).toBe('paused 10')
    const paused = server.events('rollout.paused')[0]
    expect(paused?.msg).toBe('m 1 → 2 paused at 10 % by ann (looks odd)')
    expect(paused).toMatchObject({ by: { who: 'ann', reason: 'looks odd' } })
    expect(await run('pause', 'm')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('pause means nothing while') as string,
    })

    expect(await run('resume', 'm')).toMatchObject({ code: 0 })
    expect(await phase()).toBe('canary 10')
    expect(await run('promote', 'm')).toMatchObject({ code: 0 })
    expect(await phase()).toBe('canary 50')
    expect((await run('abort', 'm', '--json')).code).toBe(0)
    await phaseBecomes('quarantined')
    expect((await run('status')).stdout).toContain('quarantine 2')
  })

  test('is tried again after retry, and promoted at once with --full', async () => {
    expect((await run('retry', 'm', '2')).code).toBe(0)
    await phaseBecomes('canary 10')
    expect((await run('promote', 'm', '--full')).code).toBe(0)
    await phaseBecomes('stable')
    expect((await run('status', 'm', '--json')).stdout).toContain('"version": 2')
  })

  test('ends where a version is pinned, and begins again where it is not', async () => {
    expect((await run('pin', 'm', '1', '--reason', 'back')).code).toBe(0)
    await waitFor(async () => (await run('status')).stdout.includes('stable     1'), 'version 1')
    expect((await run('status')).stdout).toContain('(pinned to 1)')
    expect(await run('pin', 'm', '9')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('there is no version 9 of m') as string,
    })
    expect((await run('unpin', 'm')).code).toBe(0)
    await phaseBecomes('canary 10')
  })

  test('is not steered by nonsense', async () => {
    const send = (body: string, model = 'm') =>
      fetch(`${admin}/rollouts/${model}/commands`, { method: 'POST', body })
    for (const body of [
      '',
      '{',
      '{}',
      '{"kind":"dance"}',
      '{"kind":"pin"}',
      '{"kind":"pin","version":-1}',
    ]) {
      expect((await send(body)).status).toBe(400)
    }
    const reason = JSON.stringify({ kind: 'pause', reason: 'a\nb' })
    expect(await (await send(reason)).json()).toMatchObject({
      error: expect.stringContaining('reason') as string,
    })
    expect((await send('{"kind":"pause"}', 'other')).status).toBe(404)
    expect((await fetch(`${admin}/rollouts/other`)).status).toBe(404)
    expect((await fetch(`${admin}/rollouts/m`)).status).toBe(200)
    expect(await run('status', 'other')).toMatchObject({ code: 1 })
    expect(await run('pin', 'm', 'x')).toMatchObject({ code: 2 })
  })

  test.each([
    ['http://127.0.0.1:9', 1, 'name its admin port with --admin'],
    ['127.0.0.1:9', 2, 'expected an address that begins with http:// or https://'],
    ['the data port', 1, 'is no admin port of cutover'],
  ])('where --admin is %s a sentence says what to do', async (address, code, sentence) => {
    const given = address === 'the data port' ? server.url : address
    const { code: ended, stderr } = await cutover(['status', '--admin', given])
    expect([ended, stderr]).toEqual([code, expect.stringContaining(sentence)])
  })
})

test('a model of which nothing is left has no rollout any more', async () => {
  const models = async () => {
    const { rollouts } = (await (await fetch(`${admin}/rollouts`)).json()) as {
      rollouts: { model: string }[]
    }
    return rollouts.map(({ model }) => model)
  }
  // Its manifest is refused, so it is never served.
  registry.add('gone', 1, 'class-1', { schema: 'cutover/manifest/v1', format: 'onnx', files: [] })
  await waitFor(async () => (await models()).includes('gone'), 'its rollout')
  registry.remove('gone', 1)
  await waitFor(async () => !(await models()).includes('gone'), 'its end')
  expect(await models()).toEqual(['m'])
})

import { describe, expect, test } from 'vitest'

import type { EnginePool } from '../../src/engine/pool.ts'
import type {
  Aspired,
  AspiredVersion,
  LocalVersion,
  RegistryProblem,
  Source,
} from '../../src/registry/source.ts'
import { Manager } from '../../src/serving/manager.ts'
import { waitFor } from '../support/server.ts'

const LOCATION = '/registry'

/** A manager on a source that offers what it is told; the newest version that is ready is stable. */
async function started({ modelsMax = 10, release = async () => {} } = {}) {
  let listener: (aspired: Aspired) => void = () => {}
  const status = {
    location: LOCATION,
    lastSuccessAt: new Date(),
    unavailable: undefined,
    problems: [],
  }
  const source: Source = {
    status,
    start: async (given) => void (listener = given),
    look: async () => {},
    hint: () => {},
    close: async () => {},
  }
  const told: string[] = []
  const problems: RegistryProblem[] = []
  const routeNewest = (model: string) => {
    const ready = manager.versionsOf(model).filter((each) => each.status === 'ready')
    const newest = ready.sort((a, b) => b.version - a.version)[0]
    const stable = newest && { version: newest.version, digest: newest.digest ?? '' }
    manager.route(model, { stable: stable ?? null, canary: null, shadow: null, keep: [] })
  }
  const pool = { info: { signature: { inputs: [], outputs: [] } }, close: async () => {} }
  const manager: Manager = new Manager({
    source,
    rollouts: {
      open: async (model) => routeNewest(model),
      forget: async () => {},
      changed: routeNewest,
      isQuarantined: () => false,
      pinOf: () => undefined,
      stickinessOf: () => undefined,
    },
    startPool: async () => pool as unknown as EnginePool,
    observe: ({ kind, model, version }) => told.push(`${kind} ${model} ${version}`),
    onProblem: (problem) => problems.push(problem),
    versionsLoadedMax: 1,
    modelsMax,
    drainTimeoutMs: 1000,
  })
  await manager.start()

  function offer(...offered: [model: string, ...versions: AspiredVersion[]][]): void {
    const models = new Map(offered.map(([model, ...versions]) => [model, versions]))
    listener({ models, pending: [], policies: new Map(), problems: [] })
  }
  const version = (model: string, number: number): AspiredVersion => ({
    model,
    version: number,
    fingerprint: '',
    materialize: async () => local(model, number, release),
  })
  const served = () => [...manager.table].map(([model, { stable }]) => `${model} ${stable.version}`)
  return { manager, offer, version, served, told, problems }
}

function local(model: string, version: number, release: () => Promise<void>): LocalVersion {
  return {
    model,
    version,
    digest: `${model}-${version}`,
    dir: `/copies/${model}-${version}`,
    entry: 'model.onnx',
    format: 'onnx',
    manifest: { schema: 'cutover/manifest/v1', files: [] },
    bytes: 1,
    labels: undefined,
    release,
  }
}

/** A version whose bytes cannot be read for good. */
function unreadable(model: string, version: number): AspiredVersion {
  const materialize = () => Promise.reject(new Error('no bytes'))
  return { model, version, fingerprint: '', materialize }
}

test('a copy that cannot be removed is told of, and ends neither the server nor its end', async () => {
  const { manager, offer, version, served, told, problems } = await started({
    release: () => Promise.reject(new Error('EPERM')),
  })
  offer(['m', version('m', 1)])
  await waitFor(() => served()[0] === 'm 1', 'the first version')
  offer(['m', version('m', 1), version('m', 2)])
  await waitFor(() => told.includes('version.unloaded m 1'), 'the first version to go')
  expect(served()).toEqual(['m 2'])
  await manager.close()
  const reason = 'this copy of a version cannot be removed: EPERM'
  expect(problems).toEqual(['/copies/m-1', '/copies/m-2'].map((path) => ({ path, reason })))
})

describe('models beyond modelsMax', () => {
  test('are told of, once', async () => {
    const { manager, offer, version, served, problems } = await started({ modelsMax: 1 })
    const offered = ['a', 'b', 'c'].map((model) => [model, version(model, 1)] as const)
    for (let i = 0; i < 2; i++)
      offer(...offered.map(([model, one]) => [model, one] as [string, typeof one]))
    await waitFor(() => served()[0] === 'a 1', 'the model there is room for')
    const reason = 'of more than 1 models (modelsMax) these are not served: b, c'
    expect(problems).toEqual([{ path: LOCATION, reason }])
    expect(manager.source.problems).toEqual(problems)
    offer(['a', version('a', 1)])
    expect(manager.source.problems).toEqual([])
    await manager.close()
  })

  test('take the room of one that goes', async () => {
    const { manager, offer, version, served } = await started({ modelsMax: 1 })
    offer(['a', unreadable('a', 1)], ['b', version('b', 1)])
    await waitFor(() => manager.versionsOf('a').length === 1, 'the first model')
    offer(['b', version('b', 1)])
    await waitFor(() => served()[0] === 'b 1', 'the second model')
    expect(manager.source.problems).toEqual([])
    await manager.close()
  })
})

import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, expect, test } from 'vitest'

import { DEFAULT_POLICY } from '../../src/domain/rollout-policy.ts'
import type { DocumentStore } from '../../src/rollout/documents.ts'
import { ModelRollout } from '../../src/rollout/model-rollout.ts'
import type { Routing } from '../../src/rollout/routing.ts'
import type { VersionInfo } from '../../src/rollout/step.ts'
import { MemoryStore } from '../../src/registry/control/memory-store.ts'
import { waitFor } from '../support/server.ts'

const rollouts: ModelRollout[] = []
afterEach(() => Promise.all(rollouts.splice(0).map((rollout) => rollout.close())))

test('a candidate that is found worse while nothing can be stored gets no traffic back', async () => {
  const memory = new MemoryStore()
  let isAway = false
  const store: DocumentStore = {
    read: (model) => memory.read(model),
    write: (model, text, before) =>
      isAway ? Promise.reject(new Error('away')) : memory.write(model, text, before),
  }
  const versions: VersionInfo[] = [{ version: 1, digest: 'd1', aspired: true, status: 'ready' }]
  const policy = { ...DEFAULT_POLICY, judge: { ...DEFAULT_POLICY.judge, blockMs: 1 } }
  const routed: Routing[] = []
  const made = new ModelRollout('m', {
    policy: () => policy,
    versions: () => versions,
    route: (routing) => routed.push(routing),
    tell: () => {},
    store,
    mirror: new MemoryStore(),
  })
  rollouts.push(made)
  await made.open()
  await waitFor(() => made.state.stable?.digest === 'd1', 'version 1')
  versions.push({ version: 2, digest: 'd2', aspired: true, status: 'ready' })
  made.changed()
  await waitFor(() => routed.at(-1)?.canary?.weight === 5, 'the canary')

  isAway = true
  const fine = { kind: 'answered', stratum: 'single', serviceMs: 1 } as const
  for (let i = 0; i < 400 && routed.at(-1)?.canary !== null; i++) {
    for (let n = 0; n < 19; n++) made.dispatched('stable', 'd1')(fine)
    made.dispatched('canary', 'd2')({ kind: 'failed' })
    await sleep(2)
  }
  expect(routed.at(-1)?.canary).toBe(null)
  const before = routed.length
  made.changed()
  await waitFor(() => routed.length > before, 'another look')
  expect(routed.slice(before).every(({ canary }) => canary === null)).toBe(true)
  expect(made.state.phase.kind).toBe('canary')

  isAway = false
  await waitFor(() => made.state.phase.kind === 'quarantined', 'the quarantine')
})

const OPERATOR = { who: 'ann', reason: '' }

const ready = (version: number): VersionInfo => ({
  version,
  digest: `d${version}`,
  aspired: true,
  status: 'ready',
})

async function open(store: DocumentStore, versions: VersionInfo[]) {
  const routed: Routing[] = []
  const rollout = new ModelRollout('m', {
    policy: () => DEFAULT_POLICY,
    versions: () => versions,
    route: (routing) => routed.push(routing),
    tell: () => {},
    store,
    mirror: new MemoryStore(),
    followMs: 0,
  })
  rollouts.push(rollout)
  await rollout.open()
  await waitFor(() => rollout.state.stable !== null, 'a stable version')
  return { rollout, routed }
}

test('a command that another server was given is followed', async () => {
  const store = new MemoryStore()
  const versions = [ready(1), ready(2)]
  const { rollout: told } = await open(store, versions)
  const { rollout: other } = await open(store, versions)
  expect(other.state.stable?.version).toBe(2)
  await told.command({ kind: 'pin', version: 1, by: OPERATOR })
  await waitFor(() => told.state.stable?.version === 1, 'the pin')
  other.changed()
  await waitFor(() => other.state.stable?.version === 1, 'the pin at the other server')
  expect(other.state.pin).toBe(1)
})

test('of a command that cannot be stored nothing is done', async () => {
  const memory = new MemoryStore()
  let isAway = false
  const store: DocumentStore = {
    read: (model) => memory.read(model),
    write: (model, text, before) =>
      isAway ? Promise.reject(new Error('away')) : memory.write(model, text, before),
  }
  const versions = [ready(1)]
  const { rollout, routed } = await open(store, versions)
  versions.push(ready(2))
  rollout.changed()
  await waitFor(() => routed.at(-1)?.canary?.weight === 5, 'the canary')
  isAway = true
  await expect(rollout.command({ kind: 'abort', by: OPERATOR })).rejects.toThrow('away')
  expect(routed.at(-1)?.canary?.weight).toBe(5)
  expect(rollout.state.phase.kind).toBe('canary')
})

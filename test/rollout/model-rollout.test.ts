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

const OPERATOR = { who: 'ann', reason: '' }

const ready = (version: number): VersionInfo => ({
  version,
  digest: `d${version}`,
  aspired: true,
  status: 'ready',
})

/** A store that takes nothing while it is away. */
function unreliableStore() {
  const memory = new MemoryStore()
  const link = { isAway: false }
  const store: DocumentStore = {
    read: (model) => memory.read(model),
    write: (model, text, before) =>
      link.isAway ? Promise.reject(new Error('away')) : memory.write(model, text, before),
  }
  return { store, link }
}

async function open(store: DocumentStore, versions: VersionInfo[], policy = DEFAULT_POLICY) {
  const routed: Routing[] = []
  const rollout = new ModelRollout('m', {
    policy: () => policy,
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

/** Version 1 takes the traffic, and version 2 has the first part of it. */
async function openCanary(store: DocumentStore, policy = DEFAULT_POLICY) {
  const versions = [ready(1)]
  const { rollout, routed } = await open(store, versions, policy)
  expect(rollout.state.stable?.digest).toBe('d1')
  versions.push(ready(2))
  rollout.changed()
  await waitFor(() => routed.at(-1)?.canary?.weight === 5, 'the canary')
  return { rollout, routed }
}

test('a candidate that is found worse while nothing can be stored gets no traffic back', async () => {
  const { store, link } = unreliableStore()
  const policy = { ...DEFAULT_POLICY, judge: { ...DEFAULT_POLICY.judge, blockMs: 1 } }
  const { rollout, routed } = await openCanary(store, policy)

  link.isAway = true
  const fine = { kind: 'answered', stratum: 'single', serviceMs: 1 } as const
  for (let i = 0; i < 400 && routed.at(-1)?.canary !== null; i++) {
    for (let n = 0; n < 19; n++) rollout.dispatched('stable', 'd1')(fine)
    rollout.dispatched('canary', 'd2')({ kind: 'failed' })
    await sleep(2)
  }
  expect(routed.at(-1)?.canary).toBe(null)
  const before = routed.length
  rollout.changed()
  await waitFor(() => routed.length > before, 'another look')
  expect(routed.slice(before).every(({ canary }) => canary === null)).toBe(true)
  expect(rollout.state.phase.kind).toBe('canary')

  link.isAway = false
  await waitFor(() => rollout.state.phase.kind === 'quarantined', 'the quarantine')
})

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
  const { store, link } = unreliableStore()
  const { rollout, routed } = await openCanary(store)
  link.isAway = true
  await expect(rollout.command({ kind: 'abort', by: OPERATOR })).rejects.toThrow('away')
  expect(routed.at(-1)?.canary?.weight).toBe(5)
  expect(rollout.state.phase.kind).toBe('canary')
})

import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, expect, test } from 'vitest'

import { DEFAULT_POLICY } from '../../src/domain/rollout-policy.ts'
import type { DocumentStore } from '../../src/rollout/documents.ts'
import { ModelRollout } from '../../src/rollout/model-rollout.ts'
import type { Routing } from '../../src/rollout/routing.ts'
import type { VersionInfo } from '../../src/rollout/step.ts'
import { MemoryStore } from '../../src/registry/control/memory-store.ts'
import { waitFor } from '../support/server.ts'

let rollout: ModelRollout | undefined
afterEach(() => rollout?.close())

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
  rollout = made
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

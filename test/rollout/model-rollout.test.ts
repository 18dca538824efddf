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

/** Every block is judged as soon as it can be. */
const QUICK = { ...DEFAULT_POLICY, judge: { ...DEFAULT_POLICY.judge, blockMs: 1 } }

/** A store that takes nothing after so many writes, and loses the answers to so many. */
function unreliableStore() {
  const memory = new MemoryStore()
  const link = { writesLeft: Infinity, losesAnswers: 0, isUnreadable: false, refused: 0 }
  const store: DocumentStore = {
    read: async (model) => {
      if (!link.isUnreadable) return memory.read(model)
      link.refused++
      throw new Error('unreadable')
    },
    write: async (model, text, before) => {
      if (link.writesLeft-- <= 0) {
        link.refused++
        throw new Error('away')
      }
      const tag = await memory.write(model, text, before)
      if (link.losesAnswers-- > 0) throw new Error('answer lost')
      return tag
    },
  }
  return { store, link }
}

async function open(
  store: DocumentStore,
  versions: VersionInfo[],
  policy = DEFAULT_POLICY,
  mirror: DocumentStore = new MemoryStore(),
) {
  const routed: Routing[] = []
  const told: string[] = []
  const problems: string[] = []
  const rollout = new ModelRollout('m', {
    policy: () => policy,
    versions: () => versions,
    route: (routing) => routed.push(routing),
    tell: ({ text }) => told.push(text),
    onProblem: (problem) => problems.push(problem),
    store,
    mirror,
    followMs: 0,
  })
  rollouts.push(rollout)
  await rollout.open()
  if (policy.pin === undefined) {
    await waitFor(() => rollout.state.stable !== null, 'a stable version')
  }
  return { rollout, routed, told, problems }
}

/** Version 1 takes the traffic, and version 2 has the first part of it. */
async function openCanary(
  store: DocumentStore,
  policy = DEFAULT_POLICY,
  mirror: DocumentStore = new MemoryStore(),
) {
  const versions = [ready(1)]
  const { rollout, routed, told } = await open(store, versions, policy, mirror)
  expect(rollout.state.stable?.digest).toBe('d1')
  versions.push(ready(2))
  rollout.changed()
  await waitFor(() => routed.at(-1)?.canary?.weight === 5, 'the canary')
  return { rollout, routed, told }
}

/** Every request to the candidate fails, until it gets none. */
async function failCandidate(rollout: ModelRollout, routed: readonly Routing[]): Promise<void> {
  const fine = { kind: 'answered', place: 'single', serviceMs: 1 } as const
  for (let i = 0; i < 400 && routed.at(-1)?.canary !== null; i++) {
    for (let n = 0; n < 19; n++) rollout.dispatched('stable', 'd1')(fine)
    rollout.dispatched('canary', 'd2')({ kind: 'failed' })
    await sleep(2)
  }
  expect(routed.at(-1)?.canary).toBe(null)
}

test('nothing is compared while one of the versions is not ready', async () => {
  const versions = [ready(1)]
  const { rollout, routed } = await open(new MemoryStore(), versions, QUICK)
  versions.push(ready(2))
  rollout.changed()
  await waitFor(() => routed.at(-1)?.canary?.weight === 5, 'the canary')
  expect(rollout.status.traffic).not.toBe(null)
  versions[1] = { ...ready(2), status: 'loading' }
  rollout.changed()
  await waitFor(() => rollout.status.traffic === null, 'the comparison to rest')
  // What is dealt to nobody else is no evidence.
  for (let n = 0; n < 50; n++) rollout.dispatched('stable', 'd1')({ kind: 'failed' })
  versions[1] = ready(2)
  rollout.changed()
  await waitFor(() => rollout.status.traffic !== null, 'it to go on')
  expect(rollout.status.verdict?.metrics.every(({ stable }) => stable.requests === 0)).toBe(true)
})

test('what keeps a rollout from going on is told once', async () => {
  const { rollout, problems } = await open(new MemoryStore(), [ready(1)], {
    ...DEFAULT_POLICY,
    pin: 7,
  })
  await waitFor(() => problems.length > 0, 'the problem')
  for (let looks = 0; looks < 3; looks++) {
    rollout.changed()
    await sleep(20)
  }
  expect(problems).toEqual(['pinned to version 7, which is not there (1): nothing is served'])
})

test('a candidate that is found worse while nothing can be stored gets no traffic back', async () => {
  const { store, link } = unreliableStore()
  const { rollout, routed } = await openCanary(store, QUICK)

  link.writesLeft = 0
  await failCandidate(rollout, routed)
  expect(rollout.status.state.phase.kind).toBe('rollingBack')
  const before = routed.length
  rollout.changed()
  await waitFor(() => routed.length > before, 'another look')
  expect(routed.slice(before).every(({ canary }) => canary === null)).toBe(true)
  expect(rollout.state.phase.kind).toBe('canary')

  link.writesLeft = Infinity
  await waitFor(() => rollout.state.phase.kind === 'quarantined', 'the quarantine')
})

test('a server that starts while the registry is away takes the traffic from a bad candidate', async () => {
  const { store, link } = unreliableStore()
  const mirror = new MemoryStore()
  const { rollout: before } = await openCanary(store, QUICK, mirror)
  await before.close()

  link.isUnreadable = true
  const { rollout, routed } = await open(store, [ready(1), ready(2)], QUICK, mirror)
  expect(routed.at(-1)?.canary?.weight).toBe(5)
  await failCandidate(rollout, routed)
  expect(rollout.state.phase.kind).toBe('canary')

  link.isUnreadable = false
  await waitFor(() => rollout.state.phase.kind === 'quarantined', 'the quarantine')
  expect(routed.at(-1)?.canary).toBe(null)
})

test.each([false, true])(
  'a write whose answer was lost is not made twice, and is told of (the registry away then: %s)',
  async (isAwayThen) => {
    const { store, link } = unreliableStore()
    const { rollout, told } = await openCanary(store)
    link.losesAnswers = 1
    link.isUnreadable = isAwayThen
    if (isAwayThen) link.writesLeft = 1
    rollout.crashed('d2')
    await waitFor(() => link.losesAnswers < 1, 'the write')
    if (isAwayThen) await waitFor(() => link.refused >= 2, 'what came of it to be asked for')
    link.isUnreadable = false
    link.writesLeft = Infinity

    link.losesAnswers = 1
    await rollout.command({ kind: 'pause', by: OPERATOR })
    expect(rollout.state.phase).toMatchObject({
      kind: 'paused',
      trial: { evidence: { crashes: { canary: 1 } } },
    })
    expect(told.at(-1)).toBe('m 1 → 2 paused at 5 % by ann')
    expect(told.filter((text) => text.includes('paused'))).toHaveLength(1)
  },
)

test('of a command whose answer is lost and that nobody knows of, that is said, and it is told of later', async () => {
  const { store, link } = unreliableStore()
  const { rollout, told } = await openCanary(store)
  link.losesAnswers = 1
  link.isUnreadable = true
  await expect(rollout.command({ kind: 'pause', by: OPERATOR })).rejects.toThrow(
    'answer lost; it may have been done all the same',
  )
  link.isUnreadable = false
  await waitFor(() => rollout.state.phase.kind === 'paused', 'the pause')
  expect(told.at(-1)).toBe('m 1 → 2 paused at 5 % by ann')
})

test('a command is done once it is stored, whatever becomes of what follows', async () => {
  const { store, link } = unreliableStore()
  const { rollout } = await openCanary(store)
  link.writesLeft = 1
  await rollout.command({ kind: 'abort', by: OPERATOR })
  expect(rollout.state.phase.kind).toBe('rollingBack')
  expect(rollout.status.problem).toBe('away')
  link.writesLeft = Infinity
  await waitFor(() => rollout.state.phase.kind === 'quarantined', 'the quarantine')
})

test('a stable version that one server cannot load is replaced there alone', async () => {
  const store = new MemoryStore()
  const { rollout, routed } = await openCanary(store)
  const versions: VersionInfo[] = [{ ...ready(1), status: 'loading' }, ready(2)]
  const { rollout: other, routed: elsewhere } = await open(store, versions)
  expect(elsewhere.at(-1)?.canary?.weight).toBe(5)
  versions[0] = { ...ready(1), status: 'rejected' }
  other.changed()
  await waitFor(() => elsewhere.at(-1)?.stable?.version === 2, 'the candidate')
  expect(elsewhere.at(-1)?.canary).toBe(null)
  await waitFor(
    () => other.status.problem?.includes('cannot be served here') === true,
    'the reason',
  )
  other.crashed('d2')
  await other.command({ kind: 'pause', by: OPERATOR })
  rollout.changed()
  await waitFor(() => rollout.state.phase.kind === 'paused', 'the pause')
  expect(rollout.state).toMatchObject({
    stable: { version: 1 },
    phase: { weight: 5, trial: { evidence: { blocks: 0, crashes: { canary: 0 } } } },
  })
  expect(routed.at(-1)?.stable?.version).toBe(1)
})

test('what one server cannot load is not begun with by the others again and again', async () => {
  const store = new MemoryStore()
  const { rollout } = await openCanary(store)
  await open(store, [ready(1), { ...ready(2), status: 'rejected' }])
  await waitFor(() => {
    rollout.changed()
    return rollout.state.phase.kind === 'stable'
  }, 'the end of the trial')
  await rollout.command({ kind: 'pin', version: 1, by: OPERATOR })
  await rollout.command({ kind: 'unpin', by: OPERATOR })
  expect(rollout.state.phase.kind).toBe('stable')
  expect(rollout.state.quarantine).toMatchObject([{ version: 2, cause: 'it cannot be loaded' }])
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
  link.writesLeft = 0
  await expect(rollout.command({ kind: 'abort', by: OPERATOR })).rejects.toThrow('away')
  expect(routed.at(-1)?.canary?.weight).toBe(5)
  expect(rollout.state.phase.kind).toBe('canary')
})

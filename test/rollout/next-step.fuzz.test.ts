import { expect, test } from 'vitest'

import { Random } from '../../bench/simulate/random.ts'
import { type PhaseKind, type RolloutState, TRANSITIONS } from '../../src/domain/rollout.ts'
import type { VersionInfo } from '../../src/rollout/step.ts'
import { trialOf } from '../../src/rollout/trial.ts'
import { arm } from '../support/blocks.ts'
import { RolloutBench } from '../support/rollout.ts'

const SEQUENCES = 150
const STEPS = 60
/** What may be known of a version at first, now and then. */
const PARTLY: readonly Partial<VersionInfo>[] = [
  { digest: null, status: 'loading' },
  { digest: null, status: 'rejected' },
  { digest: null, status: 'pending', aspired: false },
]

/** Whatever comes in whatever order, what a rollout promises holds from each document to the next. */
test('random worlds keep the promises', () => {
  for (let seed = 0; seed < SEQUENCES; seed++) {
    const random = new Random(seed)
    const below = (n: number) => Math.floor(n * random.uniform())
    const bench = new RolloutBench({ onRegression: seed % 3 === 0 ? 'pause' : 'rollback' })
    bench.offer(1)
    for (let i = 0; i < STEPS; i++) {
      const before = bench.state
      let isCommand = false
      bench.now = new Date(below(4e12))
      switch (below(8)) {
        case 0:
          bench.offer(1 + below(5), {
            status: (['loading', 'ready', 'rejected'] as const)[below(3)] ?? 'ready',
          })
          break
        case 1:
          bench.offer(1 + below(5), { aspired: false })
          break
        case 2:
          bench.remove(1 + below(5))
          break
        case 3:
          bench.offer(1 + below(5), PARTLY[below(8)] ?? {})
          break
        case 4:
          isCommand = true
          bench.step({ command: commandOf(below(7), 1 + below(5)) })
          break
        default: {
          const [nc, ns] = [below(200), below(2000)]
          const canary = arm(nc, { errors: below(3) === 0 ? nc >> 1 : 0 })
          const block = bench.block([0], [0], {
            canary,
            stable: arm(ns),
            durationMs: below(120_000),
          })
          bench.step({ blocks: [block], crashes: { canary: below(20) === 0 ? 1 : 0, stable: 0 } })
        }
      }
      if (!isCommand) expectPromises(before, bench.state)
      const events = bench.last?.events.length ?? 0
      expect(events).toBeLessThanOrEqual(1)
    }
  }
})

function expectPromises(before: RolloutState, after: RolloutState): void {
  const [from, to] = [before.phase, after.phase]
  const allowed: readonly PhaseKind[] = [from.kind, ...TRANSITIONS[from.kind]]
  expect(allowed).toContain(to.kind)
  expect(after.generation - before.generation).toBeLessThanOrEqual(1)
  // Another stable version only by a promotion, and only the one that was promoted.
  if (after.stable?.digest !== before.stable?.digest) {
    expect(from.kind).toBe('promoting')
    expect(after.stable).toEqual(trialOf(from)?.candidate)
  }
  // The quarantine loses nothing, and nothing in it is tried.
  for (const { digest } of before.quarantine) {
    expect(after.quarantine.map((each) => each.digest)).toContain(digest)
    const isNew = trialOf(to)?.id !== trialOf(from)?.id
    if (isNew) expect(trialOf(to)?.candidate.digest).not.toBe(digest)
  }
  // Evidence goes on within a trial.
  if (trialOf(to)?.id === trialOf(from)?.id && trialOf(from) !== undefined) {
    expect(trialOf(to)?.evidence.blocks).toBeGreaterThanOrEqual(trialOf(from)?.evidence.blocks ?? 0)
  }
  // More traffic only after what the first weight asks for, unless nothing else can serve.
  if (from.kind === 'canary' && to.kind === 'canary' && to.weight > from.weight) {
    expect(trialOf(to)?.evidence.errors.canary.requests).toBeGreaterThanOrEqual(100)
  }
}

function commandOf(index: number, version: number) {
  const by = { who: 'ann', reason: '' }
  return (
    [
      { kind: 'promote', full: false, by },
      { kind: 'promote', full: true, by },
      { kind: 'pause', by },
      { kind: 'resume', by },
      { kind: 'abort', by },
      { kind: 'pin', version, by },
      { kind: 'unpin', by },
    ] as const
  )[index]
}

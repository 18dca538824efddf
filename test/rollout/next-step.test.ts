import { describe, expect, test } from 'vitest'

import { DEFAULT_POLICY } from '../../src/domain/rollout-policy.ts'
import {
  type CommandKind,
  COMMAND_PHASES,
  type PhaseKind,
  TRANSITIONS,
} from '../../src/domain/rollout.ts'
import { routingOf } from '../../src/rollout/routing.ts'
import { substituteOf } from '../../src/rollout/target.ts'
import { trialOf } from '../../src/rollout/trial.ts'
import { arm } from '../support/blocks.ts'
import { RolloutBench } from '../support/rollout.ts'

describe('a version', () => {
  test('that is the first becomes stable when it is ready', () => {
    const bench = new RolloutBench()
    bench.settle()
    expect(bench.phase).toBe('stable')
    bench.offer(7, { status: 'loading' })
    bench.settle()
    expect(bench.phase).toBe('staged')
    bench.offer(7)
    bench.settle()
    expect(bench.state.stable).toEqual({ version: 7, digest: 'd7' })
    expect(bench.texts.at(-1)).toBe('flowers 7 promoted')
  })

  test('that is good goes through every weight', () => {
    const bench = RolloutBench.inCanary()
    const phases = [bench.phase]
    for (let i = 0; i < 3; i++) {
      bench.settle({ blocks: [bench.goodBlock()] })
      phases.push(bench.phase)
    }
    expect(phases).toEqual(['canary 5', 'canary 25', 'canary 50', 'stable'])
    expect(bench.state.stable).toEqual({ version: 8, digest: 'd8' })
    expect(bench.kinds.slice(-4)).toEqual(['step', 'step', 'promoting', 'promoted'])
    expect(bench.state.lastDecision?.text).toBe('flowers 7 → 8 promoted')
  })

  test('that is bad is rolled back and not tried again', () => {
    const bench = RolloutBench.inCanary()
    bench.step({ blocks: [bench.block([100, 9], [1900, 9])] })
    expect(bench.phase).toBe('rollingBack')
    expect(routingOf(bench.state, bench.policy)).toMatchObject({
      stable: { version: 7 },
      canary: null,
    })
    expect(bench.texts.at(-1)).toMatch(
      /^flowers 7 → 8 rolled back at 5 %: errors 9\.0 % vs 0\.5 % after 100 canary requests \(evidence \S+ > 167\)$/,
    )
    expect(bench.state.lastDecision?.verdict?.outcome).toBe('fail')
    bench.settle()
    expect(bench.phase).toBe('quarantined')
    expect(bench.state.quarantine).toMatchObject([{ version: 8, digest: 'd8' }])
    const { state } = bench
    expect(bench.settle().events).toEqual([])
    expect(bench.state).toEqual(state)
  })

  test('that is newer replaces the candidate, at no weight and with no evidence', () => {
    const bench = RolloutBench.inCanary()
    bench.settle({ blocks: [bench.block([90, 2], [1900, 9])] })
    bench.offer(9, { status: 'loading' })
    bench.settle()
    expect(bench.phase).toBe('staged')
    expect(routingOf(bench.state, bench.policy)).toMatchObject({
      canary: null,
      keep: [{ version: 7 }, { version: 9 }],
    })
    bench.offer(9)
    bench.settle()
    expect(bench.phase).toBe('canary 5')
    expect(bench.state.phase).toMatchObject({
      trial: { candidate: { version: 9 }, evidence: { blocks: 0 } },
    })
    expect(bench.kinds).toContain('superseded')
  })

  test('that is found bad is quarantined, though a newer one has come at that moment', () => {
    const bench = RolloutBench.inCanary()
    bench.offer(9)
    bench.settle({ blocks: [bench.block([100, 50], [1900])] })
    expect(bench.state.quarantine).toMatchObject([{ version: 8 }])
    expect(bench.state.phase).toMatchObject({
      kind: 'canary',
      trial: { candidate: { version: 9 }, evidence: { blocks: 0 } },
    })
  })

  test('whose files changed in place is another one', () => {
    const bench = RolloutBench.inCanary()
    bench.settle({ blocks: [bench.block([50], [950])] })
    bench.offer(8, { digest: 'other' })
    bench.settle()
    expect(bench.state.phase).toMatchObject({
      kind: 'canary',
      trial: { candidate: { digest: 'other' } },
    })
  })

  test('that leaves the registry in mid-flight is forgotten, not quarantined', () => {
    const bench = RolloutBench.inCanary()
    bench.offer(8, { aspired: false })
    bench.settle()
    expect(bench.phase).toBe('stable')
    expect(bench.state.quarantine).toEqual([])
    expect(bench.texts.at(-1)).toBe('flowers 7 → 8 ended: it left the registry')
  })

  test('that cannot be loaded is left for the one before', () => {
    const bench = new RolloutBench()
    bench.offer(6)
    bench.offer(7, { status: 'loading' })
    bench.settle()
    bench.offer(7, { status: 'rejected' })
    bench.settle()
    expect(bench.state.stable?.version).toBe(6)
  })

  test('that is older is no candidate, unless the stable one was withdrawn', () => {
    const bench = new RolloutBench()
    bench.offer(7)
    bench.settle()
    bench.offer(6)
    bench.settle()
    expect(bench.phase).toBe('stable')
    bench.offer(7, { aspired: false })
    bench.settle()
    expect(bench.phase).toBe('canary 5')
    expect(routingOf(bench.state, bench.policy).keep).toMatchObject([
      { version: 7 },
      { version: 6 },
    ])
  })

  test('takes all traffic at once by the strategy for development', () => {
    const bench = RolloutBench.inCanary({ strategy: 'immediate' })
    expect(bench.phase).toBe('stable')
    expect(bench.state.stable?.version).toBe(8)
  })
})

describe('no data', () => {
  test('holds: neither time nor looking promotes', () => {
    const bench = RolloutBench.inCanary()
    for (let i = 0; i < 100; i++) bench.step()
    bench.step({ blocks: [bench.block([0], [0], { durationMs: 86_400_000 })] })
    expect(bench.phase).toBe('canary 5')
  })

  test('requests without time, and time without requests, hold too', () => {
    const bench = RolloutBench.inCanary()
    bench.settle({ blocks: [bench.block([10_000], [90_000], { durationMs: 1 })] })
    expect(bench.phase).toBe('canary 5')
    const other = RolloutBench.inCanary()
    other.settle({ blocks: [other.block([99], [1900], { durationMs: 3_000_000 })] })
    expect(other.phase).toBe('canary 5')
  })

  test('of an idle look changes nothing that would have to be stored', () => {
    const bench = RolloutBench.inCanary()
    const { state } = bench
    const result = bench.step()
    expect(result.state).toBe(state)
    expect(result.lookAgainAfterMs).toBe(DEFAULT_POLICY.judge.blockMs)
  })

  test('evidence in doubt holds', () => {
    const bench = RolloutBench.inCanary()
    const result = bench.settle({
      blocks: [bench.block([1000, 24], [19_000, 190], { durationMs: 600_000 })],
    })
    expect(bench.phase).toBe('canary 5')
    expect(result.problem).toBe('flowers 7 → 8 waits: the evidence on errors is in doubt')
  })
})

describe('clocks', () => {
  test('that jump by years decide nothing', () => {
    const bench = RolloutBench.inCanary()
    for (const year of ['2099', '1970', '2026']) {
      bench.now = new Date(`${year}-06-01T00:00:00Z`)
      bench.step({ blocks: [bench.block([10], [190], { durationMs: 5_000 })] })
    }
    expect(bench.phase).toBe('canary 5')
    expect(bench.state.phase).toMatchObject({
      trial: { progress: { requests: 30, durationMs: 15_000 } },
    })
  })

  test('time in which the candidate had no request is none at its weight', () => {
    const bench = RolloutBench.inCanary({
      steps: [{ weight: 5, minRequests: 0, minDurationMs: 60_000 }],
    })
    bench.settle({ blocks: [bench.block([0], [1000], { durationMs: 600_000 })] })
    expect(bench.phase).toBe('canary 5')
    bench.settle({ blocks: [bench.block([1], [1000], { durationMs: 60_000 })] })
    expect(bench.phase).toBe('stable')
  })

  test('a step that asks for nothing is passed with the first request', () => {
    const bench = RolloutBench.inCanary({
      steps: [{ weight: 5, minRequests: 0, minDurationMs: 0 }],
    })
    expect(bench.phase).toBe('canary 5')
    bench.settle({ blocks: [bench.block([0], [10])] })
    expect(bench.phase).toBe('canary 5')
    bench.settle({ blocks: [bench.block([1], [10])] })
    expect(bench.phase).toBe('stable')
  })

  test('a block of impossible length counts as an hour at the most, never as less than nothing', () => {
    const bench = RolloutBench.inCanary({
      steps: [{ weight: 5, minRequests: 0, minDurationMs: 3 * 3_600_000 }],
    })
    bench.settle({ blocks: [bench.block([1], [1], { durationMs: 1e15 })] })
    bench.settle({ blocks: [bench.block([1], [1], { durationMs: -1e15 })] })
    expect(bench.state.phase).toMatchObject({
      kind: 'canary',
      trial: { progress: { durationMs: 3_600_000 } },
    })
  })
})

describe('the reference', () => {
  const referenceOf = ({ state }: RolloutBench) => trialOf(state.phase)?.reference
  const early = { latencyEdgesMs: { single: [1, 2, 3] }, classes: [0] }
  const late = { latencyEdgesMs: { single: [7, 8, 9], alone: [4, 5, 6] }, classes: [1] }

  test('keeps what it has, and gets the edges of a stratum once enough of it was seen', () => {
    const bench = RolloutBench.inCanary()
    bench.settle({ reference: early })
    expect(referenceOf(bench)).toEqual(early)
    bench.settle({ reference: late })
    const both = { latencyEdgesMs: { single: [1, 2, 3], alone: [4, 5, 6] }, classes: [0] }
    expect(referenceOf(bench)).toEqual(both)
    const { state } = bench
    bench.settle({ reference: late })
    expect(bench.state).toEqual(state)
  })
})

describe('blocks', () => {
  test('of another trial are ignored', () => {
    const bench = RolloutBench.inCanary()
    bench.settle({ blocks: [bench.block([100, 50], [1900], { trial: 'another' })] })
    expect(bench.phase).toBe('canary 5')
    expect(bench.state.phase).toMatchObject({ trial: { evidence: { blocks: 0 } } })
  })

  test('of another weight are evidence, and no progress', () => {
    const bench = RolloutBench.inCanary()
    bench.settle({ blocks: [bench.goodBlock()] })
    bench.settle({ blocks: [bench.block([1000], [1000], { weight: 5, durationMs: 600_000 })] })
    expect(bench.phase).toBe('canary 25')
    bench.settle({ blocks: [bench.block([1000, 300], [1000], { weight: 5 })] })
    expect(bench.phase).toBe('quarantined')
  })

  test('evidence is kept from weight to weight', () => {
    const bench = RolloutBench.inCanary()
    bench.settle({ blocks: [bench.goodBlock()] })
    expect(bench.state.phase).toMatchObject({
      weight: 25,
      trial: { evidence: { blocks: 1 }, progress: { requests: 0, durationMs: 0 } },
    })
  })
})

describe('a regression', () => {
  const bad = (bench: RolloutBench) => ({
    blocks: [bench.block([100, 50], [1900, 9], { durationMs: 1000 })],
  })

  test('is acted on while paused', () => {
    const bench = RolloutBench.inCanary()
    bench.command({ kind: 'pause' })
    bench.settle(bad(bench))
    expect(bench.phase).toBe('quarantined')
  })

  test('can pause instead, and go on when a person says so', () => {
    const bench = RolloutBench.inCanary({ onRegression: 'pause' })
    bench.settle(bad(bench))
    expect(bench.phase).toBe('paused 5')
    expect(bench.texts.at(-1)).toMatch(/^flowers 7 → 8 paused at 5 %: errors 50\.0 % vs 0\.5 %/)
    bench.settle(bad(bench))
    expect(bench.phase).toBe('paused 5')
    bench.command({ kind: 'resume' })
    expect(bench.phase).toBe('canary 5')
    bench.settle({ blocks: [bench.goodBlock()] })
    expect(bench.phase).toBe('canary 25')
  })

  test('that nobody was told of is not accepted by going on', () => {
    const bench = RolloutBench.inCanary({ onRegression: 'pause' })
    bench.command({ kind: 'pause' })
    bench.settle(bad(bench))
    expect(bench.state.phase).toMatchObject({ reason: 'regression', told: ['errors'] })
    expect(bench.texts.at(-1)).toMatch(/^flowers 7 → 8 paused at 5 %: errors 50\.0 % vs 0\.5 %/)
    bench.settle(bad(bench))
    expect(bench.kinds.filter((kind) => kind === 'paused')).toHaveLength(2)

    bench.settle({ crashes: { canary: 30, stable: 0 } })
    expect(bench.texts.at(-1)).toMatch(/^flowers 7 → 8 paused at 5 %: engine processes crashed/)
    bench.command({ kind: 'resume' })
    expect(bench.phase).toBe('canary 5')
    expect(bench.state.phase).toMatchObject({ trial: { accepted: ['errors', 'crashes'] } })
  })

  test('that is seen at the moment of a command is told of, not accepted', () => {
    const bench = RolloutBench.inCanary({ onRegression: 'pause' })
    bench.command({ kind: 'pause' })
    const by = { who: 'ann', reason: '' }
    bench.settle({ ...bad(bench), command: { kind: 'resume', by } })
    expect(bench.kinds.slice(-2)).toEqual(['resumed', 'paused'])
    bench.command({ kind: 'resume' })
    bench.settle({
      crashes: { canary: 30, stable: 0 },
      command: { kind: 'promote', full: false, by },
    })
    expect(bench.kinds.slice(-2)).toEqual(['step', 'paused'])
  })

  test('can be only told of, once', () => {
    const bench = RolloutBench.inCanary({ onRegression: 'observe' })
    bench.settle(bad(bench))
    bench.settle(bad(bench))
    expect(bench.kinds.filter((kind) => kind === 'regression')).toHaveLength(1)
    bench.settle({ blocks: [bench.goodBlock()] })
    expect(bench.phase).toBe('canary 25')
  })

  test('in the mix of classes pauses by default, and errors still roll back then', () => {
    const bench = RolloutBench.inCanary()
    bench.settle({
      reference: { latencyEdgesMs: {}, classes: [0] },
      blocks: [
        bench.block([0], [0], {
          canary: arm(400, { classes: [0, 400] }),
          stable: arm(4000, { classes: [3000, 1000] }),
        }),
      ],
    })
    expect(bench.phase).toBe('paused 5')
    expect(bench.texts.at(-1)).toContain('class 0 less often: 0.0 % vs 75.0 %')
    bench.settle(bad(bench))
    expect(bench.phase).toBe('quarantined')
  })

  test('does not roll back to a version that is not ready', () => {
    const bench = RolloutBench.inCanary()
    bench.offer(7, { status: 'loading' })
    const result = bench.settle(bad(bench))
    expect(bench.phase).toBe('canary 5')
    expect(result.problem).toBe(
      'flowers 7 → 8 is worse, but version 7, to go back to, is not ready yet',
    )
    expect(bench.command({ kind: 'abort' }).refusal).toContain('is not ready yet')
    bench.offer(7)
    bench.settle()
    expect(bench.phase).toBe('quarantined')
  })

  test('crashes roll back at once', () => {
    const bench = RolloutBench.inCanary()
    for (let i = 0; i < 3; i++) bench.settle({ crashes: { canary: 1, stable: 0 } })
    expect(bench.phase).toBe('quarantined')
    expect(bench.state.quarantine[0]?.cause).toMatch(/^engine processes crashed 3 times vs 0/)
  })

  test('crashes that the stable version has as well do not', () => {
    const bench = RolloutBench.inCanary()
    for (let i = 0; i < 5; i++) bench.settle({ crashes: { canary: 1, stable: 19 } })
    expect(bench.phase).toBe('canary 5')
  })
})

describe('a shadow phase', () => {
  const shadow = { minRequests: 50, minDurationMs: 1000, sample: 20, minAgreement: 0.9 }
  const summary = (agreed: number) => ({ compared: 100, agreed, distance: 3, classes: {} })

  test('comes before the traffic, which none of it sees', () => {
    const bench = RolloutBench.inCanary({ shadow })
    expect(bench.phase).toBe('shadow')
    expect(routingOf(bench.state, bench.policy)).toMatchObject({
      canary: null,
      shadow: { version: 8, weight: 20 },
    })
    bench.settle({ blocks: [bench.goodBlock()] })
    expect(bench.phase).toBe('shadow')
    expect(bench.last?.problem).toContain('no outputs were compared yet')
    bench.settle({ shadow: summary(95) })
    expect(bench.phase).toBe('canary 5')
  })

  test('pauses when the outputs differ', () => {
    const bench = RolloutBench.inCanary({ shadow })
    bench.settle({ blocks: [bench.goodBlock()], shadow: summary(42) })
    expect(bench.phase).toBe('paused 0')
    expect(bench.texts.at(-1)).toContain('the same in 42.0 %, less than 90 %')
    bench.command({ kind: 'resume' })
    expect(bench.phase).toBe('canary 5')
  })

  test('is judged', () => {
    const bench = RolloutBench.inCanary({ shadow })
    bench.settle({ blocks: [bench.block([100, 50], [100])] })
    expect(bench.phase).toBe('quarantined')
  })
})

describe('availability', () => {
  test('a stable version that is gone for good is replaced', () => {
    const bench = new RolloutBench()
    bench.offer(7)
    bench.settle()
    bench.offer(8, { status: 'loading' })
    bench.settle()
    bench.remove(7)
    bench.offer(8)
    bench.settle()
    expect(substituteOf(bench.state, bench.versions)).toMatchObject({ version: 8 })
    // Another server may have it, and begins to compare.
    expect(bench.phase).toBe('staged')
    bench.settle({ unmovedMs: 300_000 })
    expect(bench.state.stable?.version).toBe(8)
    expect(bench.texts.join('\n')).toContain('takes the traffic (nothing else can serve)')
  })

  test.each(['rejected', 'gone'])(
    'a stable version that is %s on one server is judged against by others',
    (how) => {
      const bench = RolloutBench.inCanary()
      const { state } = bench
      expect(substituteOf(state, bench.versions)).toBe(undefined)
      if (how === 'gone') bench.remove(7)
      else bench.offer(7, { status: 'rejected' })
      expect(bench.settle().problem).toContain(
        'version 7 cannot be served here: 8 takes the traffic',
      )
      expect(bench.state).toEqual(state)
      expect(substituteOf(state, bench.versions)).toEqual({ version: 8, digest: 'd8' })
      bench.command(how === 'gone' ? { kind: 'promote', full: true } : { kind: 'pin', version: 8 })
      expect(bench.state.stable?.version).toBe(8)
    },
  )

  test('a candidate that one server cannot load is not begun with again before a retry', () => {
    const bench = RolloutBench.inCanary()
    bench.offer(8, { status: 'rejected' })
    bench.settle()
    expect(bench.texts.at(-1)).toBe(
      'flowers 7 → 8 ended: it cannot be loaded, and is in quarantine',
    )
    bench.offer(8)
    expect(bench.settle().events).toEqual([])
    expect(bench.phase).toBe('stable')
    bench.command({ kind: 'retry' })
    expect(bench.phase).toBe('canary 5')
  })

  test('a candidate whose files one server cannot read waits there', () => {
    const bench = RolloutBench.inCanary()
    const { state } = bench
    bench.offer(8, { status: 'rejected', digest: null })
    expect(bench.settle().problem).toBe('flowers 7 → 8 waits: its files cannot be read here')
    expect(bench.state).toEqual(state)
    bench.offer(7, { status: 'rejected', aspired: false })
    bench.offer(6)
    bench.settle()
    expect(bench.state.quarantine).toEqual([])
    expect(substituteOf(bench.state, bench.versions)).toMatchObject({ version: 6 })
  })

  test('a promotion whose both versions are lost ends, for another one to serve', () => {
    const bench = RolloutBench.inCanary()
    const by = { who: 'ann', reason: '' }
    bench.step({ command: { kind: 'promote', full: true, by } })
    bench.remove(7)
    bench.offer(8, { status: 'rejected' })
    bench.offer(9)
    bench.settle()
    expect(bench.texts).toContain('flowers 7 → 8 ended: it cannot be served any more')
    expect(substituteOf(bench.state, bench.versions)).toMatchObject({ version: 9 })
  })

  test('a registry that is emptied leaves the stable version wanted', () => {
    const bench = new RolloutBench()
    bench.offer(7)
    bench.settle()
    bench.offer(7, { aspired: false })
    bench.settle()
    expect(routingOf(bench.state, bench.policy)).toMatchObject({
      stable: { version: 7 },
      keep: [{ version: 7 }],
    })
  })

  test('a bad candidate is better than nothing', () => {
    const bench = RolloutBench.inCanary()
    bench.command({ kind: 'pause' })
    bench.remove(7)
    expect(bench.command({ kind: 'abort' }).refusal).toContain(
      'there is no stable version to go back to',
    )
    bench.settle({ blocks: [bench.block([100, 90], [100])] })
    expect(bench.phase).toBe('paused 5')
    expect(substituteOf(bench.state, bench.versions)).toMatchObject({ version: 8 })
  })

  test('an older version does not replace a candidate whose digest is not read yet', () => {
    const bench = RolloutBench.inCanary()
    bench.offer(7, { aspired: false })
    bench.offer(6)
    bench.offer(8, { digest: null, status: 'loading' })
    bench.settle()
    expect(bench.state.phase).toMatchObject({
      kind: 'canary',
      trial: { candidate: { version: 8 } },
    })
  })

  test('after a restart the candidate is waited for, though its files are not all there yet', () => {
    const bench = RolloutBench.inCanary()
    bench.command({ kind: 'pause' })
    const { state } = bench
    bench.offer(8, { status: 'pending', digest: null, aspired: false })
    bench.settle()
    expect(bench.state).toEqual(state)
    bench.offer(7, { status: 'pending', digest: null, aspired: false })
    bench.offer(9)
    bench.settle()
    expect(substituteOf(bench.state, bench.versions)).toMatchObject({ version: 9 })
  })

  test('after a restart the candidate is waited for, though its digest its digest is not read yet', () => {
    const bench = RolloutBench.inCanary()
    bench.settle({ blocks: [bench.block([50], [950])] })
    bench.versions = [7, 8].map((version) => ({
      version,
      digest: null,
      aspired: true,
      status: 'loading',
    }))
    bench.settle()
    expect(bench.phase).toBe('canary 5')
    bench.offer(7)
    bench.offer(8)
    bench.settle({ blocks: [bench.block([50], [950])] })
    expect(bench.phase).toBe('canary 25')
  })
})

describe('commands', () => {
  test('each is followed in its phases and refused with a sentence in all others', () => {
    const kinds = Object.keys(COMMAND_PHASES) as CommandKind[]
    expect(kinds).toHaveLength(7)
    const bench = new RolloutBench()
    expect(bench.command({ kind: 'pause' }).refusal).toBe(
      'pause means nothing while the rollout of flowers is stable; it can be given while it is shadow, canary',
    )
    expect(bench.command({ kind: 'promote', full: true }).refusal).toContain('means nothing')
    expect(bench.command({ kind: 'retry' }).refusal).toBe('no version of flowers is in quarantine')
    expect(bench.command({ kind: 'unpin' }).refusal).toBe('flowers is not pinned')
  })

  test('promote takes the next step, promote --full all of them', () => {
    const bench = RolloutBench.inCanary()
    bench.command({ kind: 'promote', full: false })
    expect(bench.phase).toBe('canary 25')
    expect(bench.state.lastDecision?.by).toEqual({ who: 'ann', reason: 'why not' })
    bench.command({ kind: 'promote', full: true })
    expect(bench.state.stable?.version).toBe(8)
  })

  test('promote waits for a candidate that is ready', () => {
    const bench = RolloutBench.inCanary()
    bench.offer(8, { status: 'loading' })
    expect(bench.command({ kind: 'promote', full: true }).refusal).toBe(
      'flowers 7 → 8 is not ready',
    )
  })

  test('pause holds whatever is seen, resume goes on', () => {
    const bench = RolloutBench.inCanary()
    bench.command({ kind: 'pause' })
    bench.settle({ blocks: [bench.goodBlock()] })
    expect(bench.phase).toBe('paused 5')
    expect(routingOf(bench.state, bench.policy).canary).toMatchObject({ weight: 5 })
    bench.command({ kind: 'resume' })
    expect(bench.phase).toBe('canary 25')
    expect(bench.texts).toContain('flowers 7 → 8 paused at 5 % by ann (why not)')
  })

  test('abort rolls back, retry clears the quarantine', () => {
    const bench = RolloutBench.inCanary()
    bench.command({ kind: 'abort' })
    expect(bench.phase).toBe('quarantined')
    expect(bench.command({ kind: 'retry', version: 9 }).refusal).toBe(
      'version 9 of flowers is not in quarantine; in quarantine: 8',
    )
    bench.command({ kind: 'retry' })
    expect(bench.phase).toBe('canary 5')
    expect(bench.state.quarantine).toEqual([])
  })

  test('a newer version than the quarantined one is tried', () => {
    const bench = RolloutBench.inCanary()
    bench.command({ kind: 'abort' })
    bench.offer(9)
    bench.settle()
    expect(bench.state.phase).toMatchObject({
      kind: 'canary',
      trial: { candidate: { version: 9 } },
    })
  })
})

describe('a pin', () => {
  test('takes the traffic and ends what is in flight', () => {
    const bench = RolloutBench.inCanary()
    bench.offer(5)
    bench.command({ kind: 'pin', version: 5 })
    expect(bench.state.stable?.version).toBe(5)
    bench.settle()
    expect(bench.phase).toBe('stable')
    bench.command({ kind: 'unpin' })
    expect(bench.state.phase).toMatchObject({
      kind: 'canary',
      trial: { candidate: { version: 8 } },
    })
  })

  test.each(['canary', 'paused', 'shadow'])('to the candidate ends its trial while %s', (phase) => {
    const shadow = { minRequests: 50, minDurationMs: 1000, sample: 20 }
    const bench = RolloutBench.inCanary(phase === 'shadow' ? { shadow } : {})
    if (phase === 'paused') bench.command({ kind: 'pause' })
    expect(bench.phase).toContain(phase)
    bench.command({ kind: 'pin', version: 8 })
    expect(bench.phase).toBe('stable')
    expect(bench.state.stable?.version).toBe(8)
    expect(bench.texts).toContain('flowers 7 → 8 takes the traffic (pinned)')
  })

  test('to the candidate takes no traffic with one that is worse', () => {
    const bench = RolloutBench.inCanary()
    bench.policy = { ...bench.policy, pin: 8 }
    bench.settle({ blocks: [bench.block([100, 60], [1900])] })
    expect(bench.phase).toBe('quarantined')
  })

  test('to what leaves the registry begins nothing', () => {
    const bench = new RolloutBench()
    bench.offer(7)
    bench.settle()
    bench.offer(8, { status: 'loading' })
    bench.command({ kind: 'pin', version: 8 })
    expect(bench.phase).toBe('staged')
    bench.offer(8, { status: 'loading', aspired: false })
    bench.settle()
    expect(bench.phase).toBe('stable')
    const { state } = bench
    expect(bench.settle().problem).toBe('pinned to version 8, which is not there (7): serving 7')
    expect(bench.state).toEqual(state)
    expect(bench.command({ kind: 'pin', version: 8 }).refusal).toContain('there is 7')
    bench.offer(7, { aspired: false })
    bench.command({ kind: 'pin', version: 7 })
    expect(bench.state.pin).toBe(7)
    expect(bench.settle().problem).toBe(undefined)
  })

  test('to the stable version freezes it', () => {
    const bench = RolloutBench.inCanary()
    bench.command({ kind: 'pin', version: 7 })
    bench.offer(9)
    bench.settle()
    expect(bench.phase).toBe('stable')
    expect(bench.state.stable?.version).toBe(7)
  })

  test('to a version that does not exist is refused', () => {
    const bench = RolloutBench.inCanary()
    expect(bench.command({ kind: 'pin', version: 70 }).refusal).toBe(
      'there is no version 70 of flowers; there is 7, 8',
    )
  })

  test('in the policy to a version that does not exist holds, and still guards', () => {
    const bench = RolloutBench.inCanary()
    bench.policy = { ...bench.policy, pin: 70 }
    const result = bench.settle({ blocks: [bench.goodBlock()] })
    expect(result.problem).toBe('pinned to version 70, which is not there (7, 8): serving 7')
    expect(bench.phase).toBe('canary 5')
    bench.settle({ blocks: [bench.block([100, 60], [1900])] })
    expect(bench.phase).toBe('quarantined')
  })

  test('to what is in quarantine asks for a retry', () => {
    const bench = RolloutBench.inCanary()
    bench.command({ kind: 'abort' })
    expect(bench.command({ kind: 'pin', version: 8 }).refusal).toContain('retry it first')
    bench.policy = { ...bench.policy, pin: 8 }
    expect(bench.settle().problem).toContain('which is in quarantine')
    expect(bench.state.stable?.version).toBe(7)
  })
})

test('the generation rises with every transition and the nonce with every document', () => {
  const bench = RolloutBench.inCanary()
  const { generation, nonce } = bench.state
  bench.step({ blocks: [bench.block([1], [19])] })
  expect(bench.state.generation).toBe(generation)
  expect(bench.state.nonce).not.toBe(nonce)
  bench.command({ kind: 'pause' })
  expect(bench.state.generation).toBe(generation + 1)
})

test('the quarantine is bounded', () => {
  const bench = new RolloutBench()
  bench.offer(1)
  bench.settle()
  for (let version = 2; version <= 110; version++) {
    bench.offer(version)
    bench.settle()
    bench.command({ kind: 'abort' })
    bench.remove(version)
  }
  expect(bench.state.quarantine).toHaveLength(100)
  expect(bench.state.quarantine.at(-1)?.version).toBe(110)
})

test('every phase can be left', () => {
  for (const kind of Object.keys(TRANSITIONS) as PhaseKind[])
    expect(TRANSITIONS[kind]).not.toHaveLength(0)
})

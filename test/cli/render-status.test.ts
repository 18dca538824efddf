import { describe, expect, test } from 'vitest'

import { renderStatus } from '../../src/cli/render-status.ts'
import type { RolloutReport } from '../../src/domain/rollout-status.ts'
import { trialOf, verdictOf } from '../../src/rollout/trial.ts'
import { RolloutBench } from '../support/rollout.ts'

function statusOf({ state, policy }: RolloutBench, problem: string | null = null): RolloutReport {
  const trial = trialOf(state.phase)
  const verdict = trial === undefined ? null : verdictOf(trial, policy)
  const { model } = state
  return { model, state, policy, verdict, traffic: null, problem, failed: [], policyProblem: null }
}

const operator = { who: 'ann', reason: 'looks odd' }

describe('a rollout', () => {
  test('in canary shows its weight, its step and its evidence', () => {
    const lines = renderStatus(statusOf(RolloutBench.inCanary()))
    expect(lines.slice(0, 5)).toEqual([
      'flowers  canary at 5 %',
      '  stable     7',
      '  candidate  8',
      '  weight     [#...................] 5 %',
      '  step       0 of 100 requests, 0 s of 60 s',
    ])
    expect(lines.some((line) => /errors +\[\.{20}\] – vs –  inconclusive/.test(line))).toBe(true)
  })

  test('shows what both versions do now', () => {
    const status = statusOf(RolloutBench.inCanary())
    const stable = { requestsPerSecond: 19.04, serviceP50Ms: 10.26, serviceP99Ms: 21 }
    const canary = { requestsPerSecond: 0, serviceP50Ms: null, serviceP99Ms: null }
    const lines = renderStatus({ ...status, traffic: { stable, canary } })
    expect(lines).toContain('  now        stable     19.0 requests/s    p50 10.3 ms  p99 21.0 ms')
    expect(lines).toContain('             candidate  0.0 requests/s')
  })

  test('that is paused says by whom, and what is in quarantine is named', () => {
    const bench = RolloutBench.inCanary()
    bench.step({ command: { kind: 'pause', by: operator } })
    expect(renderStatus(statusOf(bench))[0]).toBe('flowers  paused at 5 % (command)')
    expect(renderStatus(statusOf(bench)).at(-1)).toContain('by ann (looks odd)')
    bench.step({ command: { kind: 'abort', by: operator } })
    expect(renderStatus(statusOf(bench))[0]).toContain('rolling back: aborted by ann')
    bench.settle()
    expect(renderStatus(statusOf(bench))).toContain('  quarantine 8')
  })

  test('that has no candidate is short, and a problem is told', () => {
    const bench = new RolloutBench()
    bench.offer(7)
    bench.settle()
    const lines = renderStatus(statusOf(bench, 'the registry cannot be read'))
    expect(lines.slice(0, 2)).toEqual(['flowers  stable', '  stable     7'])
    expect(lines.at(-1)).toBe('  problem    the registry cannot be read')
  })

  test('shows what could not be loaded, and what of model.json does not hold', () => {
    const bench = new RolloutBench()
    bench.offer(7)
    bench.settle()
    const failed = [{ version: 8, reason: 'no model' }]
    const policyProblem = 'model.json: weights only rise'
    const lines = renderStatus({ ...statusOf(bench), failed, policyProblem })
    expect(lines).toContain('  failed     8: no model')
    expect(lines.at(-1)).toBe('  problem    model.json: weights only rise')
  })

  test('cannot write to the terminal what it likes', () => {
    const status = statusOf(RolloutBench.inCanary(), '\u001B[2Jgone\nnew line')
    expect(renderStatus(status).at(-1)).toBe('  problem    \\u{1b}[2Jgone\\u{a}new line')
  })
})

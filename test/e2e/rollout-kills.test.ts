import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'

import type { RolloutState } from '../../src/domain/rollout.ts'
import type { RolloutStatus } from '../../src/domain/rollout-status.ts'
import { bright } from '../support/images.ts'
import { startLoad } from '../support/load.ts'
import { registryWith } from '../support/registry.ts'
import { startServer, type TestServer, waitFor } from '../support/server.ts'

/** More of them say more: CUTOVER_TEST_KILLS=100 takes ten minutes. */
const KILLS = Number(process.env['CUTOVER_TEST_KILLS'] ?? 5)
const STEPS = [
  { weight: 10, minRequests: 20, minDuration: '500ms' },
  { weight: 50, minRequests: 50, minDuration: '500ms' },
]
const REQUESTS_MIN = 70
const POLICY = {
  rollout: {
    strategy: 'canary',
    steps: STEPS,
    judge: { block: '200ms', classes: { enabled: false } },
  },
}
/** Every third version fails each request. */
const isBad = (version: number) => version % 3 === 0

test(
  'whenever the server is killed: one stable version, no quarantine lost, no promotion unproven',
  async () => {
    const registry = registryWith(['m', 1, 'class-1'])
    registry.setPolicy('m', POLICY)
    const quarantined = new Set<number>()
    let stable = 1
    let newest = 1

    /** What was true before the last kill is true after it. */
    const check = ({ state, verdict }: RolloutStatus): void => {
      const { quarantine, phase } = state
      for (const { version } of quarantine) quarantined.add(version)
      expect(new Set(quarantine.map(({ version }) => version))).toEqual(quarantined)
      const now = state.stable?.version ?? 0
      expect(now).toBeGreaterThanOrEqual(stable)
      expect(isBad(now)).toBe(false)
      if (phase.kind === 'promoting') {
        expect(isBad(phase.trial.candidate.version)).toBe(false)
        const errors = verdict?.metrics.find(({ metric }) => metric === 'errors')
        expect(errors?.canary.requests).toBeGreaterThanOrEqual(REQUESTS_MIN)
      }
      stable = now
    }

    for (let kills = 0; kills < KILLS; kills++) {
      const server = await start(registry.dir)
      const load = startLoad(server.url, bright, 8)
      const until = performance.now() + 300 + Math.random() * 3_000
      while (performance.now() < until) {
        const status = await rolloutOf(server)
        check(status)
        if (isSettled(status.state, newest)) {
          newest++
          registry.add('m', newest, isBad(newest) ? 'fail' : `class-${(newest % 5) + 1}`)
        }
        await sleep(50)
      }
      await server.stop('SIGKILL')
      await load.stop()
    }

    const server = await start(registry.dir)
    const load = startLoad(server.url, bright, 8)
    const settled = async () => {
      const status = await rolloutOf(server)
      check(status)
      return isSettled(status.state, newest)
    }
    await waitFor(settled, 'the last rollout to end')
    expect((await load.stop()).failures).toEqual([])
    expect(stable).toBe(isBad(newest) ? newest - 1 : newest)
  },
  120_000 + KILLS * 15_000,
)

function start(dir: string): Promise<TestServer> {
  return startServer(dir, { flags: ['--admin-port', '0', '--rollout-strategy', 'canary'] })
}

async function rolloutOf({ log }: TestServer): Promise<RolloutStatus> {
  const port = Number(log.find((line) => line['adminPort'])?.['adminPort'])
  const answer = await fetch(`http://127.0.0.1:${port}/rollouts/m`)
  return (await answer.json()) as RolloutStatus
}

function isSettled({ stable, phase }: RolloutState, newest: number): boolean {
  return phase.kind === 'stable'
    ? stable?.version === newest
    : phase.kind === 'quarantined' && phase.candidate.version === newest
}

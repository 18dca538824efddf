import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { type PhaseKind } from '../../src/domain/rollout.ts'
import type { RolloutStatus } from '../../src/domain/rollout-status.ts'
import { atMost, failureCount, failuresText, type PartReport } from '../lib/bench.ts'
import { CutoverServer, freePort, saysReady } from '../lib/cutover-server.ts'
import { Registry } from '../lib/registry.ts'
import { LoadGenerator, type LoadRecord } from '../load/load-generator.ts'

const ENGINES = 2
/** The load is another one before the steps of a rollout are through. */
const PHASE_SECONDS_MAX = 3
const CONNECTIONS_MAX = 16
const IDLE_MS_MAX = 800
const ROLLOUT_MS_MAX = 120_000
const LOOK_MS = 100
/** The judge's defaults, but for the length of a block; steps that are over in seconds. */
const POLICY = {
  rollout: {
    steps: [
      { weight: 5, minRequests: 10, minDuration: '2s' },
      { weight: 25, minRequests: 30, minDuration: '2s' },
      { weight: 50, minRequests: 50, minDuration: '2s' },
    ],
    judge: { block: '500ms' },
  },
}

export interface SameModelOptions {
  readonly workDir: string
  readonly rollouts: number
}

interface Ending {
  readonly version: number
  readonly phase: PhaseKind | 'late'
  readonly text: string
}

/**
 * The model that is served is published again and again as a new version while the load changes
 * from one to sixteen connections, with pauses: each rollout has to end in a promotion.
 */
export async function sameModel(
  { workDir, rollouts }: SameModelOptions,
  progress: (what: string) => void,
): Promise<PartReport> {
  const registry = new Registry(`${workDir}/same`)
  writeFileSync(path.join(registry.dir, 'bench', 'model.json'), JSON.stringify(POLICY))
  const admin = await freePort()
  const server = await CutoverServer.start(
    {
      registry: registry.dir,
      engines: ENGINES,
      workDir,
      env: { CUTOVER_ROLLOUT_STRATEGY: 'canary', CUTOVER_ADMIN_PORT: String(admin) },
    },
    saysReady,
  )
  const traffic = await Traffic.begin(server.port)
  const endings: Ending[] = []
  try {
    for (let version = 2; version < rollouts + 2; version++) {
      await registry.publish(version)
      const ending = await endOf(admin, version)
      endings.push(ending)
      if (ending.phase !== 'stable') progress(`version ${version}: ${ending.phase}: ${ending.text}`)
      if (ending.phase === 'paused' || ending.phase === 'late') await abort(admin)
      if (version % 10 === 1) progress(`${version - 1} rollouts of one and the same model`)
    }
  } finally {
    await traffic.end()
    await server.stop()
  }
  return report(endings, traffic.records)
}

function report(endings: readonly Ending[], records: readonly LoadRecord[]): PartReport {
  const others = endings.filter(({ phase }) => phase !== 'stable')
  const requests = records.reduce((sum, record) => sum + record.requests, 0)
  return {
    title: `The same model ${endings.length} times as a new version, c=1 to ${CONNECTIONS_MAX}`,
    rows: [
      {
        what: 'not promoted',
        value: `${others.length} of ${endings.length}`,
        bar: atMost(Math.ceil(endings.length / 100), others.length),
      },
      ...others.map(({ version, phase, text }) => ({
        what: `version ${version}`,
        value: `${phase}: ${text}`,
      })),
      {
        what: `failed of ${requests} requests`,
        value: failuresText(records),
        bar: atMost(0, failureCount(records)),
      },
    ],
    data: { same: { endings, requests } },
  }
}

/** How the rollout of a version ended: `stable` is a promotion. */
async function endOf(admin: number, version: number): Promise<Ending> {
  const deadline = performance.now() + ROLLOUT_MS_MAX
  while (performance.now() < deadline) {
    const { stable, phase, lastDecision } = (await statusOf(admin)).state
    const text = lastDecision?.text ?? ''
    if (phase.kind === 'stable' && stable?.version === version)
      return { version, phase: 'stable', text }
    if (phase.kind === 'paused') return { version, phase: 'paused', text: phase.text }
    if (phase.kind === 'quarantined' && phase.candidate.version === version) {
      return { version, phase: 'quarantined', text: phase.cause }
    }
    await sleep(LOOK_MS)
  }
  return { version, phase: 'late', text: `no end within ${ROLLOUT_MS_MAX} ms` }
}

async function statusOf(admin: number): Promise<RolloutStatus> {
  const answer = await fetch(`http://127.0.0.1:${admin}/rollouts/bench`)
  return (await answer.json()) as RolloutStatus
}

async function abort(admin: number): Promise<void> {
  const command = { kind: 'abort', by: { who: 'benchmark', reason: 'the next one' } }
  await fetch(`http://127.0.0.1:${admin}/rollouts/bench/commands`, {
    method: 'POST',
    body: JSON.stringify(command),
  })
}

/** Load that changes all the time, until it is ended. */
class Traffic {
  readonly records: LoadRecord[] = []
  readonly #load: LoadGenerator
  readonly #port: number
  readonly #done: Promise<void>
  #isEnding = false

  private constructor(load: LoadGenerator, port: number) {
    this.#load = load
    this.#port = port
    this.#done = this.#run()
  }

  static async begin(port: number): Promise<Traffic> {
    return new Traffic(await LoadGenerator.start(), port)
  }

  async end(): Promise<void> {
    this.#isEnding = true
    await this.#done
    await this.#load.stop()
  }

  async #run(): Promise<void> {
    while (!this.#isEnding) {
      const connections = 1 + Math.floor(Math.random() ** 2 * CONNECTIONS_MAX)
      const seconds = 0.7 + Math.random() * PHASE_SECONDS_MAX
      this.records.push(await this.#load.run({ port: this.#port, connections, seconds }))
      if (Math.random() < 0.3) await sleep(Math.random() * IDLE_MS_MAX)
    }
  }
}

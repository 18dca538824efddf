import { cpSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { RolloutStatus } from '../../src/domain/rollout-status.ts'
import { atMost, mb, type PartReport } from '../lib/bench.ts'
import { CutoverServer, freePort, saysReady } from '../lib/cutover-server.ts'
import { REPOSITORY } from '../lib/options.ts'
import { cpuMsOf, treePssBytes } from '../lib/process-tree.ts'

const MODEL_FILE = `${REPOSITORY}/test/fixtures/v2/models/tiny/1/model.onnx`
const WAIT_MS_MAX = 600_000
const CANARY_MS_MAX = 900_000

export interface ManyModelsOptions {
  readonly workDir: string
  readonly models: number
  readonly seconds: number
}

/** The CPU that a server without requests uses with a rollout of each of its models under way. */
export async function manyModels(
  { workDir, models, seconds }: ManyModelsOptions,
  progress: (what: string) => void,
): Promise<PartReport> {
  const registry = path.join(workDir, 'many')
  const names = Array.from({ length: models }, (_, index) => `model-${index}`)
  for (const name of names) addVersion(registry, name, 1)
  const admin = await freePort()
  const server = await CutoverServer.start(
    {
      registry,
      engines: 1,
      workDir,
      env: {
        CUTOVER_ROLLOUT_STRATEGY: 'canary',
        CUTOVER_ADMIN_PORT: String(admin),
        CUTOVER_MODELS_MAX: String(models),
      },
    },
    saysReady,
    WAIT_MS_MAX,
  )
  try {
    progress(`${models} models are loaded`)
    const atRest = await cpuShare(server.pid, seconds)
    for (const name of names) addVersion(registry, name, 2)
    await untilAllTry(admin, models, progress)
    const tried = await cpuShare(server.pid, seconds)
    const percent = (share: number) => `${(share * 100).toFixed(2)} % of a core`
    return {
      title: `${models} models, no requests`,
      rows: [
        { what: 'CPU of the server, each model stable', value: percent(atRest) },
        {
          what: 'CPU of the server, a canary of each model',
          value: percent(tried),
          bar: atMost(1, tried * 100, ' %'),
        },
        { what: 'PSS of the server and its engines', value: mb(treePssBytes(server.pid)) },
      ],
      data: { many: { models, atRest, tried } },
    }
  } finally {
    await server.stop()
  }
}

function addVersion(registry: string, model: string, version: number): void {
  const dir = path.join(registry, model, String(version))
  mkdirSync(dir, { recursive: true })
  cpSync(MODEL_FILE, path.join(dir, 'model.onnx'))
}

async function untilAllTry(
  admin: number,
  models: number,
  progress: (what: string) => void,
): Promise<void> {
  const deadline = performance.now() + CANARY_MS_MAX
  for (let trying = 0; trying < models;) {
    if (performance.now() > deadline) throw new Error(`${trying} of ${models} models try a version`)
    await sleep(5_000)
    const answer = await fetch(`http://127.0.0.1:${admin}/rollouts`)
    const { rollouts } = (await answer.json()) as { rollouts: RolloutStatus[] }
    trying = rollouts.filter(({ state }) => state.phase.kind === 'canary').length
    progress(`${trying} of ${models} models try a version`)
  }
  await sleep(5_000)
}

async function cpuShare(pid: number, seconds: number): Promise<number> {
  const [from, before] = [performance.now(), cpuMsOf(pid)]
  await sleep(seconds * 1000)
  return (cpuMsOf(pid) - before) / (performance.now() - from)
}

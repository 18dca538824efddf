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

/**
 * The CPU that a server without requests uses with a rollout of each of its models under way, and
 * what it uses with the same versions loaded and nothing to decide.
 */
export async function manyModels(
  { workDir, models, seconds }: ManyModelsOptions,
  progress: (what: string) => void,
): Promise<PartReport> {
  const names = Array.from({ length: models }, (_, index) => `model-${index}`)
  const run = async (strategy: 'canary' | 'immediate') => {
    const registry = path.join(workDir, `many-${strategy}`)
    for (const name of names) addVersion(registry, name, 1)
    const admin = await freePort()
    const env = {
      CUTOVER_ROLLOUT_STRATEGY: strategy,
      CUTOVER_VERSIONS_LOADED_MAX: strategy === 'canary' ? '1' : '2',
      CUTOVER_ADMIN_PORT: String(admin),
      CUTOVER_MODELS_MAX: String(models),
    }
    const options = { registry, engines: 1, workDir, env }
    const server = await CutoverServer.start(options, saysReady, WAIT_MS_MAX)
    try {
      for (const name of names) addVersion(registry, name, 2)
      const isDone = ({ state }: RolloutStatus) =>
        strategy === 'canary' ? state.phase.kind === 'canary' : state.stable?.version === 2
      await until(admin, isDone, (done) => progress(`${strategy}: ${done} of ${models} models`))
      const share = await cpuShare(server.pid, seconds)
      return { share, pssBytes: treePssBytes(server.pid) }
    } finally {
      await server.stop()
    }
  }
  const without = await run('immediate')
  const tried = await run('canary')
  const added = tried.share - without.share
  const percent = (share: number) => `${(share * 100).toFixed(2)} %`
  return {
    title: `${models} models with two versions each, no requests: CPU of the server, of one core`,
    rows: [
      { what: 'nothing to decide', value: percent(without.share) },
      { what: 'a canary of each model', value: percent(tried.share) },
      { what: 'the rollouts', value: percent(added), bar: atMost(1, added * 100, ' %') },
      { what: 'PSS of the server and its engines', value: mb(tried.pssBytes) },
    ],
    data: { many: { models, without, tried } },
  }
}

function addVersion(registry: string, model: string, version: number): void {
  const dir = path.join(registry, model, String(version))
  mkdirSync(dir, { recursive: true })
  cpSync(MODEL_FILE, path.join(dir, 'model.onnx'))
}

async function until(
  admin: number,
  isDone: (status: RolloutStatus) => boolean,
  progress: (done: number) => void,
): Promise<void> {
  const deadline = performance.now() + CANARY_MS_MAX
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${admin}/rollouts`)
    const { rollouts } = (await answer.json()) as { rollouts: RolloutStatus[] }
    const done = rollouts.filter(isDone).length
    progress(done)
    if (done === rollouts.length) break
    if (performance.now() > deadline) throw new Error(`only ${done} models are there`)
    await sleep(5_000)
  }
  // What was begun by the last of them ends.
  await sleep(10_000)
}

async function cpuShare(pid: number, seconds: number): Promise<number> {
  const [from, before] = [performance.now(), cpuMsOf(pid)]
  await sleep(seconds * 1000)
  return (cpuMsOf(pid) - before) / (performance.now() - from)
}

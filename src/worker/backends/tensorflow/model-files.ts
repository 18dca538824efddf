import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'

import { z } from 'zod'

import { CutoverError } from '../../../domain/errors.ts'
import { filePathProblem } from '../../../wire/manifest-path.ts'
import type { Runtime } from './runtime.ts'

type IoHandler = ReturnType<Runtime['io']['fromMemory']>
type ModelArtifacts = Awaited<ReturnType<NonNullable<IoHandler['load']>>>

const WEIGHTS_BYTES_MAX = 4 * 1024 ** 3
const SHARDS_MAX = 10_000

/** As much of a tfjs model.json as is relied on here; tfjs itself checks the topology. */
const modelJson = z.looseObject({
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z
    .array(
      z.looseObject({
        paths: z.array(z.string()).max(SHARDS_MAX),
        weights: z.array(z.looseObject({ name: z.string() })),
      }),
    )
    .max(SHARDS_MAX)
    .default([]),
})

/**
 * The parts of a tfjs model, read from its directory alone. tfjs-node's own reader follows
 * whatever paths model.json names.
 */
export async function readArtifacts(file: string): Promise<ModelArtifacts> {
  const parsed = modelJson.safeParse(JSON.parse(await readFile(file, 'utf8')))
  if (!parsed.success) throw unloadable(`model.json: ${z.prettifyError(parsed.error)}`)
  const { modelTopology, weightsManifest, ...rest } = parsed.data
  const dir = path.dirname(file)
  const shards: Buffer[] = []
  let bytes = 0
  for (const shard of weightsManifest.flatMap(({ paths }) => paths)) {
    const problem = filePathProblem(shard)
    if (problem !== undefined)
      throw unloadable(`model.json names the weights ${JSON.stringify(shard)}: ${problem}`)
    const place = path.join(dir, shard)
    bytes += (await stat(place).catch(() => undefined))?.size ?? 0
    if (bytes > WEIGHTS_BYTES_MAX)
      throw unloadable(`its weights are more than ${WEIGHTS_BYTES_MAX} bytes`)
    shards.push(
      await readFile(place).catch(() => {
        throw unloadable(`the weights ${shard} are missing`)
      }),
    )
  }
  const data = new Uint8Array(bytes)
  let offset = 0
  for (const shard of shards) {
    data.set(shard, offset)
    offset += shard.length
  }
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights)
  return {
    ...rest,
    modelTopology,
    weightSpecs: weightSpecs as unknown as NonNullable<ModelArtifacts['weightSpecs']>,
    weightData: data.buffer,
  }
}

function unloadable(sentence: string): CutoverError {
  return new CutoverError('MODEL_UNLOADABLE', `the tfjs model cannot be served: ${sentence}`)
}

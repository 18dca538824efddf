import type { Command } from 'commander'

import { CutoverError } from '../../domain/errors.ts'
import { describeBytes } from '../../lib/describe-bytes.ts'
import { prunable } from '../../registry/publish/prune-plan.ts'
import { rolesIn } from '../../registry/publish/roles.ts'
import { modelNamed } from '../draft-options.ts'
import { writeJson, writeLine, writeWarning } from '../output.ts'
import { type CommonOptions, registryCommand, withRegistry } from '../registry-command.ts'
import { versionsNamed } from '../version-target.ts'

interface PruneOptions extends CommonOptions {
  readonly keep: string
  readonly model?: string
  readonly dryRun?: boolean
}

/** `cutover prune --keep N` */
export function pruneCommand(): Command {
  return registryCommand('prune')
    .description('delete old versions; never one that is stable, candidate or pinned')
    .requiredOption('--keep <n>', 'how many of the newest versions of each model stay')
    .option('--model <name>', 'of this model alone')
    .option('--dry-run', 'only say what would be deleted')
    .action((options: PruneOptions) => prune(options))
}

async function prune(options: PruneOptions): Promise<void> {
  const { json = false, dryRun = false } = options
  await withRegistry(options, async ({ store, signal }) => {
    const keep = keptNumber(options.keep)
    const target = options.model === undefined ? undefined : modelNamed(options.model)
    const { versions, problems } = await versionsNamed(store, target, signal)
    // What is not seen is neither counted nor deleted.
    for (const { path, reason } of problems) writeWarning(`${path}: ${reason}`)
    const models = new Set(versions.map(({ model }) => model))
    const planned = []
    // All of it before anything is deleted: what is not understood stops the whole.
    for (const model of models) {
      const roles = await rolesIn(store, model, signal)
      planned.push(
        ...prunable(
          versions.filter((stored) => stored.model === model),
          roles,
          { keep, nowMs: Date.now() },
        ),
      )
    }
    if (!dryRun) for (const model of models) await store.sweep(model)
    const deleted = []
    for (const stored of planned) {
      const { model, version, files, isComplete } = stored
      // A rollout may have moved meanwhile.
      if ((await rolesIn(store, model, signal)).has(version)) continue
      if (!dryRun) await store.remove(stored, signal)
      const bytes = [...files.values()].reduce((sum, bytes) => sum + bytes, 0)
      deleted.push({ model, version, bytes })
      const whole = `${model} version ${version} (${describeBytes(bytes)})`
      const what = isComplete ? whole : `what was left of ${whole}`
      if (!json) writeLine(`${dryRun ? 'would delete' : 'deleted'} ${what}`)
    }
    if (json) writeJson({ registry: store.location, dryRun, deleted })
    else if (deleted.length === 0) writeLine('there is nothing to delete')
  })
}

function keptNumber(digits: string): number {
  if (/^[1-9]\d{0,8}$/.test(digits)) return Number(digits)
  const sentence = `--keep: expected a whole number of at least 1, not ${JSON.stringify(digits)}`
  throw new CutoverError('CONFIG_INVALID', sentence)
}

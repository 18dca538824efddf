import type { Command } from 'commander'

import { messageOf } from '../../domain/errors.ts'
import { describeBytes } from '../../lib/describe-bytes.ts'
import type { StoredVersion } from '../../registry/publish/registry-store.ts'
import { type Roles, rolesIn } from '../../registry/publish/roles.ts'
import { writeJson, writeLine, writeTable, writeWarning } from '../output.ts'
import { type CommonOptions, registryCommand, withRegistry } from '../registry-command.ts'
import { versionsNamed } from '../version-target.ts'

/** `cutover list [MODEL]` */
export function listCommand(): Command {
  return registryCommand('list')
    .description('list the versions in a registry')
    .argument('[model]', 'all models if absent')
    .action((model: string | undefined, options: CommonOptions) => list(model, options))
}

async function list(target: string | undefined, options: CommonOptions): Promise<void> {
  await withRegistry(options, async ({ store, signal }) => {
    const { versions, problems } = await versionsNamed(store, target, signal)
    const roles = new Map<string, Roles>()
    for (const model of new Set(versions.map(({ model }) => model))) {
      const found = await rolesIn(store, model, signal).catch((error: unknown) => {
        signal.throwIfAborted()
        writeWarning(messageOf(error))
        return new Map()
      })
      roles.set(model, found)
    }
    for (const { path, reason } of problems) writeWarning(`${path}: ${reason}`)
    const rows = versions.map((stored) => ({
      model: stored.model,
      version: stored.version,
      state: stateOf(stored),
      files: stored.files.size,
      bytes: [...stored.files.values()].reduce((sum, bytes) => sum + bytes, 0),
      roles: roles.get(stored.model)?.get(stored.version) ?? [],
    }))
    if (options.json === true) writeJson({ registry: store.location, versions: rows, problems })
    else if (rows.length === 0) writeLine(`there is no version in ${store.location}`)
    else {
      writeTable([
        ['MODEL', 'VERSION', 'STATE', 'SIZE', 'ROLE'],
        ...rows.map(({ model, version, state, bytes, roles }) => [
          model,
          String(version),
          state,
          describeBytes(bytes),
          roles.join(', '),
        ]),
      ])
    }
  })
}

function stateOf({ isComplete, hasManifest }: StoredVersion): string {
  if (!isComplete) return 'incomplete'
  return hasManifest ? 'complete' : 'without manifest'
}

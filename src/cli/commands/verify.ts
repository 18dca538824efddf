import type { Command } from 'commander'

import { verifyVersion } from '../../registry/publish/verify-version.ts'
import { EXIT_FAILED } from '../exit-code.ts'
import { writeJson, writeLine, writeWarning } from '../output.ts'
import { type CommonOptions, registryCommand, withRegistry } from '../registry-command.ts'
import { versionsNamed } from '../version-target.ts'

/** `cutover verify [MODEL[/VERSION]]` */
export function verifyCommand(): Command {
  return registryCommand('verify')
    .description('read versions again and hold them against their manifests')
    .argument('[model[/version]]', 'all if absent')
    .addHelpText(
      'after',
      '\nExit codes: 0 all are right, 1 one is not or cannot be read,\n2 wrong usage.',
    )
    .action((target: string | undefined, options: CommonOptions) => verify(target, options))
}

async function verify(target: string | undefined, options: CommonOptions): Promise<void> {
  const { json = false } = options
  await withRegistry(options, async ({ store, signal }) => {
    const results = []
    const { versions, problems: unseen, isWhole } = await versionsNamed(store, target, signal)
    for (const { path, reason } of unseen) writeWarning(`${path}: ${reason}`)
    for (const stored of versions) {
      const { manifest, problems, unlisted } = await verifyVersion(store, stored, signal)
      const { model, version } = stored
      const isWithout = manifest === undefined && problems.length === 0
      const state = isWithout ? 'without manifest' : problems.length === 0 ? 'right' : 'wrong'
      results.push({ model, version, state, problems, unlisted })
      if (json) continue
      writeLine(`${model}/${version}: ${state}`)
      for (const { path, reason } of problems) writeLine(`  ${path}: ${reason}`)
      for (const path of unlisted) writeLine(`  ${path}: not in the manifest, and never read`)
    }
    if (versions.length === 0) writeWarning(`there is no version in ${store.location}`)
    if (json) writeJson({ registry: store.location, versions: results, problems: unseen })
    if (!isWhole || results.some(({ state }) => state === 'wrong')) process.exitCode = EXIT_FAILED
  })
}

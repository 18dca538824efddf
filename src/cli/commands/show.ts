import type { Command } from 'commander'

import { CutoverError } from '../../domain/errors.ts'
import { describeBytes } from '../../lib/describe-bytes.ts'
import { readManifest } from '../../registry/publish/verify-version.ts'
import { rolesIn } from '../../registry/publish/roles.ts'
import { digestOf } from '../../wire/manifest.ts'
import { writeJson, writeLine, writeTable } from '../output.ts'
import { type CommonOptions, registryCommand, withRegistry } from '../registry-command.ts'
import { versionsNamed } from '../version-target.ts'

/** `cutover show MODEL[/VERSION]` */
export function showCommand(): Command {
  return registryCommand('show')
    .description('show the manifest of a version')
    .argument('<model[/version]>', 'the newest version if none is named')
    .action((target: string, options: CommonOptions) => show(target, options))
}

async function show(target: string, options: CommonOptions): Promise<void> {
  await withRegistry(options, async ({ store, signal }) => {
    const { versions } = await versionsNamed(store, target, signal)
    const stored = versions.filter(({ isComplete }) => isComplete).at(-1) ?? versions.at(-1)
    const manifest = stored && (await readManifest(store, stored, signal))
    if (stored === undefined || manifest === undefined) {
      const name = stored === undefined ? target : `${stored.model} version ${stored.version}`
      throw new CutoverError('VERSION_NOT_FOUND', `${name} has no manifest in ${store.location}`)
    }
    const { model, version } = stored
    const roles = (await rolesIn(store, model, signal)).get(version) ?? []
    const digest = digestOf(manifest)
    if (options.json === true) {
      writeJson({ model, version, registry: store.location, digest, roles, manifest })
      return
    }
    const { files, format, annotations = {}, schema: _schema, labels, ...settings } = manifest
    const bytes = files.reduce((sum, { bytes }) => sum + bytes, 0)
    const size = `${describeBytes(bytes)} in ${files.length} file${files.length === 1 ? '' : 's'}`
    writeTable([
      ['model', model],
      ['version', [String(version), ...roles].join(', ')],
      ['digest', digest],
      ['format', format ?? 'by its files'],
      ['size', size],
      ...(labels === undefined ? [] : [['labels', labels]]),
      ...(['image', 'output', 'warmup', 'batching'] as const).flatMap((key) =>
        settings[key] === undefined ? [] : [[key, JSON.stringify(settings[key])]],
      ),
    ])
    if (Object.keys(annotations).length > 0) {
      writeLine('annotations')
      writeTable(Object.entries(annotations).map(([key, value]) => ['', key, value]))
    }
    writeLine('files')
    writeTable(files.map(({ path, bytes, sha256 }) => ['', path, describeBytes(bytes), sha256]))
  })
}

import { randomUUID } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'

import { Command } from 'commander'

import { CutoverError, messageOf } from '../../domain/errors.ts'
import { draftOf } from '../../registry/publish/draft.ts'
import { manifestText } from '../../registry/publish/manifest-text.ts'
import { digestOf } from '../../wire/manifest.ts'
import { addAnnotations, annotationsOf, modelNamed, versionNumbered } from '../draft-options.ts'
import { writeJson, writeLine } from '../output.ts'
import { interruptible } from '../interruptible.ts'

interface ManifestOptions {
  readonly model?: string
  readonly version?: string
  readonly output?: string
  readonly annotate: readonly string[]
  readonly json?: boolean
}

/** `cutover manifest DIR [-o FILE]` */
export function manifestCommand(): Command {
  const command = new Command('manifest')
    .description("write the manifest of a model's directory, for publishers without cutover")
    .argument('<dir>', "a model's directory; what a manifest.json in it says of files is made anew")
    .option('-o, --output <file>', 'where to; to the standard output if absent')
    .option('--model <name>', 'the model it is a version of')
    .option('--version <n>', 'its number')
    .option('--json', 'with --output: write what was done as JSON')
  return addAnnotations(command).action((dir: string, options: ManifestOptions) =>
    interruptible(options, (signal) => manifest(dir, options, signal)),
  )
}

async function manifest(dir: string, options: ManifestOptions, signal: AbortSignal): Promise<void> {
  const { output } = options
  const model = options.model === undefined ? undefined : modelNamed(options.model)
  const version = options.version === undefined ? undefined : versionNumbered(options.version)
  const annotations = annotationsOf(options.annotate)
  const draft = await draftOf(dir, { model, annotations }, signal)
  const manifest = { ...draft.manifest, version }
  if (output === undefined) {
    writeJson(manifest)
    return
  }
  await writeWhole(output, manifestText(manifest))
  const { bytes } = draft
  if (options.json === true) writeJson({ output, digest: digestOf(manifest), bytes })
  else writeLine(`wrote ${output}`)
}

/** A server that watches the directory never sees half of it. */
async function writeWhole(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomUUID().slice(0, 8)}.tmp`
  try {
    await writeFile(temporary, text)
    await rename(temporary, file)
  } catch (error) {
    throw new CutoverError('CONFIG_INVALID', `${file}: ${messageOf(error)}`, { cause: error })
  }
}

import type { Command } from 'commander'

import { draftOf } from '../../registry/publish/draft.ts'
import { publishVersion } from '../../registry/publish/publish.ts'
import { describeBytes } from '../../lib/describe-bytes.ts'
import { digestOf } from '../../wire/manifest.ts'
import { addAnnotations, annotationsOf, modelNamed, versionNumbered } from '../draft-options.ts'
import { expectFile } from '../expect-file.ts'
import { writeJson, writeLine } from '../output.ts'
import { type CommonOptions, registryCommand, withRegistry } from '../registry-command.ts'
import { uploadProgress } from '../upload-progress.ts'

interface PublishOptions extends CommonOptions {
  readonly model: string
  readonly version?: string
  readonly verify: boolean
  readonly labels?: string
  readonly annotate: readonly string[]
}

/** `cutover publish PATH --model NAME` */
export function publishCommand(): Command {
  const command = registryCommand('publish')
    .description('publish a model as a new version')
    .argument('<path>', "a model's directory, or a .onnx file")
    .requiredOption('--model <name>', 'the model it is a version of')
    .option('--version <n>', 'its number; the next free one if absent')
    .option('--labels <file>', 'JSON array of the names of classes, published as labels.json')
    .option('--no-verify', 'do not load and run the model first')
  return addAnnotations(command)
    .addHelpText(
      'after',
      '\nExit codes: 0 published, 1 failed, 2 wrong usage, 3 the version exists,' +
        '\n4 the model was refused and nothing was published.',
    )
    .action((path: string, options: PublishOptions) => publish(path, options))
}

async function publish(path: string, options: PublishOptions): Promise<void> {
  const { json = false } = options
  await withRegistry(options, async ({ settings, store, signal }) => {
    const model = modelNamed(options.model)
    const version = options.version === undefined ? undefined : versionNumbered(options.version)
    const annotations = annotationsOf(options.annotate)
    const progress = uploadProgress(json)
    try {
      progress.step(`reading ${path}`)
      const { labels: labelsFile } = options
      if (labelsFile !== undefined) await expectFile(labelsFile)
      const draft = await draftOf(path, { model, labelsFile, annotations }, signal)
      let notice: string | undefined
      if (options.verify) {
        progress.step(`loading and running it once (${draft.format})`)
        const { verifyModel } = await import('../../verify-model.ts')
        const verified = await verifyModel(draft, settings, signal)
        notice = verified.notice
      }
      progress.step(`uploading ${describeBytes(draft.bytes)} to ${store.location}`)
      const manifest = await publishVersion(store, draft, {
        version,
        signal,
        onProgress: (bytesDone) => progress.uploaded(bytesDone, draft.bytes),
      })
      progress.end()
      if (json) {
        const { format, files } = manifest
        const digest = digestOf(manifest)
        const { location: registry } = store
        const { bytes } = draft
        const verified = options.verify
        writeJson({
          model,
          version: manifest.version,
          registry,
          digest,
          format,
          bytes,
          verified,
          notice,
          files,
        })
        return
      }
      if (notice !== undefined) writeLine(`note: ${notice}`)
      const what = `${manifest.format}, ${describeBytes(draft.bytes)}`
      writeLine(`published ${model} version ${manifest.version} in ${store.location} (${what})`)
    } finally {
      progress.end()
    }
  })
}

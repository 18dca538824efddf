import { createHash } from 'node:crypto'
import path from 'node:path'

import { z } from 'zod'

import { CutoverError, messageOf } from '../../domain/errors.ts'
import type { Manifest, ManifestFile, ModelFormat } from '../../domain/manifest.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { LABELS_BYTES_MAX, LABELS_FILE, parseLabels } from '../../wire/labels.ts'
import { MANIFEST_BYTES_MAX, MANIFEST_FILE, parseManifest } from '../../wire/manifest.ts'
import { detectFormat } from '../detect-format.ts'
import { folderStore } from '../file-store.ts'
import { readModelJson } from '../model-json.ts'
import { collectChunks, hashChunks } from './chunks.ts'
import { modelFilesAt } from './model-files.ts'

/** A version that is not in a registry yet. */
export interface Draft {
  readonly manifest: Manifest
  readonly format: ModelFormat
  /** Where its model lies on this machine, and what a backend opens in there. */
  readonly dir: string
  readonly entry: string
  readonly labels: readonly string[] | undefined
  readonly bytes: number
  /** The same for the same files. */
  readonly digest: string
  /** The bytes of one of its files as they are now. */
  open(file: string, signal: AbortSignal): AsyncIterable<Uint8Array>
}

export interface DraftOptions {
  readonly model?: string | undefined
  /** A JSON array of strings, wherever it lies. */
  readonly labelsFile?: string | undefined
  readonly annotations: Readonly<Record<string, string>>
}

/**
 * Reads a model, each file once. A manifest.json beside it says what files cannot: image settings,
 * output, warm-up; what it says of files is not looked at. Throws CONFIG_INVALID when there is
 * nothing to read, FORMAT_UNSUPPORTED, MANIFEST_INVALID or VERSION_CORRUPT when it cannot be served.
 */
export async function draftOf(
  target: string,
  { model, labelsFile, annotations }: DraftOptions,
  signal: AbortSignal,
): Promise<Draft> {
  const { dir, paths } = await modelFilesAt(target)
  const template = await templateIn(dir, signal)
  const open: Draft['open'] = (file, signal) =>
    labelsFile !== undefined && file === LABELS_FILE
      ? openAt(labelsFile, signal)
      : folderStore(dir).open(file, signal)
  const names = labelsFile === undefined ? paths : [...new Set([...paths, LABELS_FILE])]
  const files: ManifestFile[] = []
  for (const file of [...names].sort()) {
    files.push({ path: file, ...(await hashChunks(open(file, signal))) })
  }
  const stated = labelsFile === undefined ? template.labels : LABELS_FILE
  const manifest = manifestOf({
    ...template,
    schema: undefined,
    version: undefined,
    ...(model === undefined ? {} : { model }),
    files,
    // Named even where that is the default: a file may end up at another path.
    labels: stated ?? (names.includes(LABELS_FILE) ? LABELS_FILE : undefined),
    annotations: { ...template.annotations, ...annotations },
  })
  const { labels } = manifest
  const detected = await detectFormat(paths, manifest.format, (file) =>
    readModelJson(path.join(dir, file)),
  )
  return {
    ...detected,
    dir,
    manifest: { ...manifest, format: detected.format },
    labels:
      labels === undefined
        ? undefined
        : parseLabels(await collectChunks(open(labels, signal), LABELS_BYTES_MAX, labels), labels),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    digest: createHash('sha256').update(canonicalJson(files)).digest('hex'),
    open,
  }
}

/** The chunks of one of a draft's files. Throws VERSION_INCOMPLETE once they turn out to be others. */
export async function* openUnchanged(
  draft: Draft,
  file: ManifestFile,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256')
  for await (const chunk of draft.open(file.path, signal)) {
    hash.update(chunk)
    yield Buffer.from(chunk)
  }
  if (hash.digest('hex') === file.sha256) return
  throw new CutoverError('VERSION_INCOMPLETE', `${file.path} was changed while it was published`)
}

const templateSchema = z.looseObject({
  labels: z.string().optional(),
  annotations: z.record(z.string(), z.string()).optional(),
})

async function templateIn(dir: string, signal: AbortSignal) {
  const none: z.output<typeof templateSchema> = {}
  try {
    const chunks = folderStore(dir).open(MANIFEST_FILE, signal)
    const bytes = await collectChunks(chunks, MANIFEST_BYTES_MAX, MANIFEST_FILE)
    return templateSchema.parse(JSON.parse(bytes.toString('utf8')))
  } catch (error) {
    if (error instanceof CutoverError && error.code === 'VERSION_INCOMPLETE') return none
    if (error instanceof CutoverError) throw error
    const why = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error)
    const sentence = `${path.join(dir, MANIFEST_FILE)}: ${why.replaceAll(/\s+/g, ' ')}`
    throw new CutoverError('MANIFEST_INVALID', sentence, { cause: error })
  }
}

/** Checked as a server checks it. */
function manifestOf(content: object): Manifest {
  return parseManifest(Buffer.from(JSON.stringify(content)))
}

function openAt(file: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const { dir, base } = path.parse(path.resolve(file))
  return folderStore(dir).open(base, signal)
}

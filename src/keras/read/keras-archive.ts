import { closeSync, createWriteStream, openSync, readSync, writeSync } from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { crc32 } from 'node:zlib'

import { type Entry, openPromise, type ZipFile } from 'yauzl'

import { CutoverError, messageOf } from '../../domain/errors.ts'
import { describeBytes } from '../../lib/describe-bytes.ts'
import { systemCode } from '../../lib/system-error.ts'
import { unloadable } from '../failure.ts'

const CONFIG = 'config.json'
const METADATA = 'metadata.json'
const WEIGHTS = 'model.weights.h5'
const CONFIG_BYTES_MAX = 128 * 1024 ** 2
/** Weights hardly compress: what claims to grow by more than this is no model. */
const EXPANSION_MAX = 20
const ENTRIES_MAX = 10_000
const COPY_BYTES = 256 * 1024
/** Of the operating system; those of Node and of its zlib have an underscore. */
const SYSTEM_CODE = /^E[A-Z0-9]+$/

export interface KerasArchive {
  readonly config: string
  readonly metadata: string | undefined
  /** A copy of the weights' file; undefined: the archive has none. */
  readonly weights: string | undefined
}

/**
 * Unpacks what a model consists of: the configuration, and the weights to a file in `dir`. Nothing
 * else of the archive is looked at. Throws MODEL_UNLOADABLE, or an error of the operating system.
 */
export async function unpack(file: string, dir: string): Promise<KerasArchive> {
  const zip = await openPromise(file, { autoClose: false }).catch((error: unknown) => {
    throw failureOf(error)
  })
  try {
    const { config, metadata, weights } = await entriesOf(zip)
    if (config === undefined) throw unloadable(`the archive is no Keras model: it has no ${CONFIG}`)
    return {
      config: await text(zip, config),
      metadata: metadata && (await text(zip, metadata)),
      weights: weights && (await extract(file, zip, weights, dir)),
    }
  } catch (error) {
    throw failureOf(error)
  } finally {
    zip.close()
  }
}

interface Entries {
  config?: Entry
  metadata?: Entry
  weights?: Entry
}

async function entriesOf(zip: ZipFile): Promise<Entries> {
  const found: Entries = {}
  if (zip.entryCount > ENTRIES_MAX) throw unloadable(`the archive has ${zip.entryCount} files`)
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName === CONFIG) found.config = entry
    if (entry.fileName === METADATA) found.metadata = entry
    if (entry.fileName === WEIGHTS) found.weights = entry
    if (/^model\.weights(\.h5)?\.json$/.test(entry.fileName)) {
      throw unloadable('the weights are in several files (sharded): save the model in one')
    }
  }
  return found
}

async function text(zip: ZipFile, entry: Entry): Promise<string> {
  bounded(entry, CONFIG_BYTES_MAX)
  const chunks: Uint8Array[] = []
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function extract(source: string, zip: ZipFile, entry: Entry, dir: string): Promise<string> {
  bounded(entry, Math.max(1024, entry.compressedSize) * EXPANSION_MAX)
  const file = path.join(dir, 'weights.h5')
  if (entry.isCompressed() || !entry.canDecodeFileData()) {
    const to = createWriteStream(file, { flags: 'wx', mode: 0o600 })
    await pipeline(await zip.openReadStreamPromise(entry), to)
    return file
  }
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
  copyPart(source, fileDataStart, entry, file)
  return file
}

/** What is stored as it is, as Keras does: streams would take ten times as long. */
function copyPart(source: string, start: number, entry: Entry, target: string): void {
  const from = openSync(source, 'r')
  const to = openSync(target, 'wx', 0o600)
  try {
    const buffer = Buffer.alloc(COPY_BYTES)
    let checksum = 0
    for (let done = 0; done < entry.uncompressedSize;) {
      const wanted = Math.min(buffer.length, entry.uncompressedSize - done)
      const part = buffer.subarray(0, readSync(from, buffer, 0, wanted, start + done))
      if (part.length === 0) throw new Error(`${entry.fileName} ends early`)
      checksum = crc32(part, checksum)
      for (let written = 0; written < part.length;) written += writeSync(to, part, written)
      done += part.length
    }
    if (checksum !== entry.crc32) throw new Error(`${entry.fileName} has another checksum`)
  } finally {
    closeSync(to)
    closeSync(from)
  }
}

function bounded({ fileName, uncompressedSize }: Entry, bytesMax: number): void {
  if (uncompressedSize <= bytesMax) return
  throw unloadable(
    `${fileName} claims to unpack to ${describeBytes(uncompressedSize)}, more than it may`,
  )
}

/** What says nothing else is due to the archive's bytes; a full disk, say, is no fault of theirs. */
function failureOf(error: unknown): unknown {
  if (error instanceof CutoverError || SYSTEM_CODE.test(systemCode(error) ?? '')) return error
  return unloadable(`the .keras archive is damaged or cut off: ${messageOf(error)}`, error)
}

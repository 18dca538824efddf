import { createHash } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import path from 'node:path'

import { CutoverError } from '../domain/errors.ts'
import type { ManifestFile } from '../domain/manifest.ts'
import { describeBytes } from '../lib/describe-bytes.ts'
import type { FileStore } from './file-store.ts'

/** A file as a manifest promises it, or only its path where nobody promised anything. */
export type WantedFile = ManifestFile | { readonly path: string; readonly bytes?: undefined }

/**
 * Copies files into a directory, hashing while writing; a file is never in memory as a whole.
 * Resolves with what was written. Throws VERSION_INCOMPLETE or VERSION_CORRUPT when a file is not
 * as promised, MODEL_UNLOADABLE when all together are too large, the signal's reason on abort.
 */
export async function copyFiles(
  wanted: readonly WantedFile[],
  store: FileStore,
  to: string,
  { bytesMax, signal }: { bytesMax: number; signal: AbortSignal },
): Promise<ManifestFile[]> {
  const promised = wanted.reduce((sum, { bytes = 0 }) => sum + bytes, 0)
  if (promised > bytesMax) throw tooLarge(bytesMax)
  const copied: ManifestFile[] = []
  let bytesLeft = bytesMax
  for (const file of wanted) {
    const destination = path.join(to, file.path)
    await mkdir(path.dirname(destination), { recursive: true, mode: 0o700 })
    const chunks = bounded(store.open(file.path, signal), file.bytes ?? bytesLeft, (bytes) => {
      if (file.bytes !== undefined) checkSize(file, bytes)
      throw tooLarge(bytesMax)
    })
    const copy = { path: file.path, ...(await writeNew(destination, chunks)) }
    if (file.bytes !== undefined) checkCopy(file, copy)
    copied.push(copy)
    bytesLeft -= copy.bytes
  }
  return copied
}

/**
 * Throws when a file has another size than its manifest says: VERSION_INCOMPLETE where bytes are
 * lacking, VERSION_CORRUPT where there are too many.
 */
export function checkSize({ path, bytes }: ManifestFile, found: number): void {
  if (found === bytes) return
  throw new CutoverError(
    found < bytes ? 'VERSION_INCOMPLETE' : 'VERSION_CORRUPT',
    `${path} has ${found} bytes, but manifest.json says ${bytes}`,
  )
}

function checkCopy(promised: ManifestFile, copy: ManifestFile): void {
  checkSize(promised, copy.bytes)
  if (copy.sha256 === promised.sha256) return
  throw new CutoverError(
    'VERSION_CORRUPT',
    `${copy.path} has the sha256 ${copy.sha256}, but manifest.json says ${promised.sha256}`,
  )
}

async function* bounded(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
  onExcess: (bytes: number) => void,
): AsyncIterable<Uint8Array> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > bytesMax) onExcess(bytes)
    yield chunk
  }
}

/** Writes a new read-only file, on the disk when this resolves. */
async function writeNew(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  // 'wx': whatever the names of a version are, no file of it is written to twice.
  const handle = await open(file, 'wx', 0o600)
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length
      hash.update(chunk)
      await handle.writeFile(chunk)
    }
    await handle.chmod(0o400)
    await handle.sync()
  } finally {
    await handle.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

function tooLarge(bytesMax: number): CutoverError {
  return new CutoverError(
    'MODEL_UNLOADABLE',
    `the version holds more than ${describeBytes(bytesMax)}: raise --version-bytes-max`,
  )
}

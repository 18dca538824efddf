import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'

import pLimit from 'p-limit'

import { CutoverError } from '../../domain/errors.ts'
import type { Manifest, ManifestFile } from '../../domain/manifest.ts'
import { describeBytes } from '../../lib/describe-bytes.ts'
import type { BlobCache } from '../blob-cache.ts'
import type { OnProgress } from '../source.ts'
import { FileFailure, PullerProcess } from './puller-process.ts'

export interface PullOptions {
  readonly blobs: BlobCache
  readonly bytesMax: number
  readonly connections: number
  readonly stallTimeoutMs: number
}

/** Where the files of a version are read from. */
export interface Origin {
  /** A URL that lets its holder read a file for a while. */
  url(file: string): Promise<string>
  /** The state of a file that is meant; '' where that is not known. */
  etag(file: string): string
}

/**
 * Writes the files of a version into a directory: from the cache what it has, from the origin
 * what it has not, each verified by its hash. Throws VERSION_INCOMPLETE or VERSION_CORRUPT when
 * the version is at fault, DISK_FULL, or REGISTRY_UNAVAILABLE.
 */
export async function pullVersion(
  { files }: Manifest,
  to: string,
  origin: Origin,
  { blobs, bytesMax, connections, stallTimeoutMs }: PullOptions,
  signal: AbortSignal,
  onProgress?: OnProgress,
): Promise<readonly ManifestFile[]> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  if (total > bytesMax) throw tooLarge(total, bytesMax)
  const borrowed = new Set<string>()
  for (const file of files) {
    const target = path.join(to, file.path)
    await mkdir(path.dirname(target), { recursive: true, mode: 0o700 })
    if (await blobs.borrow(file.sha256, target)) borrowed.add(file.path)
  }
  const missing = files.filter((file) => !borrowed.has(file.path))
  await blobs.makeRoom(
    missing.reduce((sum, { bytes }) => sum + bytes, 0),
    missing.map(({ sha256 }) => sha256),
  )

  // The process is told of a few files at a time: there may be ten thousand.
  const limit = pLimit(2 * connections)
  let done = 0
  const puller = new PullerProcess({
    connections,
    stallTimeoutMs,
    onProgress: (bytes) => onProgress?.((done += bytes), total),
  })
  const stop = () => puller.close()
  const obtain = async (file: ManifestFile) => {
    const target = path.join(to, file.path)
    const wanted = { file: target, bytes: file.bytes, sha256: file.sha256 }
    const url = () => origin.url(file.path)
    if (borrowed.has(file.path) && (await isIntact(puller, wanted))) return
    if (borrowed.has(file.path)) {
      // The disk broke it: what the cache holds is no more use to anybody.
      await blobs.drop(file.sha256)
      await rm(target)
    }
    const source = { url: await url(), etag: origin.etag(file.path) }
    const isBegun = await blobs.takeBegun(file.sha256, target)
    try {
      await puller.run({ kind: 'pull', ...source, isBegun, ...wanted }, url)
    } catch (error) {
      if (isPassing(error)) await blobs.keepBegun(file.sha256, target)
      throw error
    }
    await blobs.keep(file.sha256, target)
  }
  const failures: unknown[] = []
  const obtainUnlessFailed = async (file: ManifestFile) => {
    if (failures.length > 0) return
    try {
      await obtain(file)
    } catch (error) {
      // Nothing more begins, and what has begun comes to its own end, so that it is kept.
      if (!isPassing(error)) throw failureOf(file, error)
      failures.push(failureOf(file, error))
    }
  }
  try {
    signal.addEventListener('abort', stop, { once: true })
    signal.throwIfAborted()
    await Promise.all(files.map((file) => limit(() => obtainUnlessFailed(file))))
    if (failures.length > 0) throw failures[0]
    return files
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    limit.clearQueue()
    signal.removeEventListener('abort', stop)
    puller.close()
  }
}

async function isIntact(
  puller: PullerProcess,
  wanted: { file: string; bytes: number; sha256: string },
): Promise<boolean> {
  try {
    await puller.run({ kind: 'verify', ...wanted }, () => Promise.reject(new Error('no URL')))
    return true
  } catch (error) {
    // What the world prevents says nothing of the file.
    if (error instanceof FileFailure && !isPassing(error)) return false
    throw error
  }
}

/** Whether a later try may go on with the file. */
function isPassing(error: unknown): boolean {
  return error instanceof FileFailure && error.kind === 'world'
}

function failureOf(file: ManifestFile, error: unknown): unknown {
  if (!(error instanceof FileFailure)) return error
  const sentence = `${file.path} ${error.message}`
  switch (error.kind) {
    case 'absent':
      return new CutoverError('VERSION_INCOMPLETE', sentence)
    case 'corrupt':
      return new CutoverError('VERSION_CORRUPT', sentence)
    case 'disk':
      return new CutoverError('DISK_FULL', `writing ${file.path}: ${error.message}`)
    case 'changed':
      return new CutoverError('REGISTRY_UNAVAILABLE', sentence)
    case 'world':
      return new CutoverError('REGISTRY_UNAVAILABLE', `pulling ${file.path}: ${error.message}`)
  }
}

function tooLarge(bytes: number, bytesMax: number): CutoverError {
  return new CutoverError(
    'MODEL_UNLOADABLE',
    `the version holds ${describeBytes(bytes)}, more than ${describeBytes(bytesMax)}: ` +
      'raise --version-bytes-max',
  )
}

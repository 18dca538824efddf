import { Buffer } from 'node:buffer'
import { createHash, type Hash } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import { messageOf } from '../domain/errors.ts'
import { backoffMs } from '../lib/backoff.ts'
import { systemCode } from '../lib/system-error.ts'
import { PullFailure, Refused } from './failure.ts'
import { fetchRange } from './fetch-range.ts'

const PART_BYTES = 8 * 1024 ** 2
const READ_BYTES = 256 * 1024
/** In a row without a byte; of a part. */
const TRIES_MAX = 6
const BACKOFF = { firstMs: 200, maxMs: 5_000 }
/** Bytes that are wrong twice were not broken on the way. */
const WHOLE_TRIES_MAX = 2
const DISK_CODES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EFBIG'])

export interface WantedFile {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

export interface Origin {
  readonly url: string
  readonly etag: string
}

export interface PullContext {
  /** Runs no more than so many tasks at a time, across all files. */
  readonly limit: <T>(task: () => Promise<T>) => Promise<T>
  readonly stallTimeoutMs: number
  /** Bytes of the file that arrived; below zero when they were for nothing. */
  readonly onProgress: (bytes: number) => void
  /** Another URL for one that was refused. */
  readonly renew: () => Promise<string>
}

interface Part {
  readonly start: number
  readonly end: number
}

/**
 * Pulls an object into a read-only file, which is on the disk when this resolves: parts in parallel,
 * each gone on with where its connection broke off, hashed in their order while others arrive. No
 * more than a few chunks of it are in memory. The file is new, or `isBegun`. Throws PullFailure, and
 * leaves the beginning of the object in the file, as far as it came without a hole.
 */
export async function pullFile(
  wanted: WantedFile & { readonly isBegun: boolean },
  origin: Origin,
  context: PullContext,
): Promise<void> {
  try {
    const handle = await open(wanted.file, wanted.isBegun ? 'r+' : 'wx+', 0o600)
    try {
      let begun = (await handle.stat()).size
      for (let tries = 1; ; tries++) {
        if (begun > wanted.bytes) begun = 0
        const found = await pullAndHash(handle, wanted, origin, begun, context)
        if (found === wanted.sha256) break
        if (tries >= WHOLE_TRIES_MAX) throw otherHash(found, wanted)
        context.onProgress(-wanted.bytes)
        begun = 0
      }
      await handle.chmod(0o400)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw failureOf(error)
  }
}

/** Checks a file that is there already. Throws PullFailure. */
export async function verifyFile(
  wanted: WantedFile,
  onProgress: (bytes: number) => void,
): Promise<void> {
  try {
    const handle = await open(wanted.file, 'r')
    try {
      const { size } = await handle.stat()
      if (size !== wanted.bytes) throw new PullFailure('corrupt', `has ${size} bytes`)
      const hash = createHash('sha256')
      for (const part of partsOf(0, wanted.bytes)) {
        await hashPart(handle, part, hash)
        onProgress(part.end - part.start)
      }
      const found = hash.digest('hex')
      if (found !== wanted.sha256) throw otherHash(found, wanted)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw failureOf(error)
  }
}

/** `begun` bytes are in the file already. */
async function pullAndHash(
  handle: FileHandle,
  { bytes }: WantedFile,
  { url, etag }: Origin,
  begun: number,
  context: PullContext,
): Promise<string> {
  await handle.truncate(begun)
  const hash = createHash('sha256')
  await hashPart(handle, { start: 0, end: begun }, hash)
  context.onProgress(begun)
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  const source = { url, etag, total: bytes, signal: stop.signal }
  const parts = partsOf(begun, bytes)
  const arrivals = parts.map((part) => context.limit(() => pullPart(handle, part, source, context)))
  const all = Promise.all(arrivals)
  // It is waited for below; until then a part that fails is no unhandled rejection.
  all.catch(() => {})
  let whole = begun
  try {
    for (const [index, part] of parts.entries()) {
      await arrivals[index]
      await hashPart(handle, part, hash)
      whole = part.end
    }
    await all
  } catch (error) {
    stop.abort()
    await Promise.allSettled(arrivals)
    await handle.truncate(whole)
    throw error
  }
  return hash.digest('hex')
}

async function pullPart(
  handle: FileHandle,
  { start, end }: Part,
  source: { url: string; etag: string; total: number; signal: AbortSignal },
  { stallTimeoutMs, onProgress, renew }: PullContext,
): Promise<void> {
  let position = start
  for (let tries = 1; position < end; tries++) {
    const before = position
    try {
      const request = { ...source, start: position, end, stallTimeoutMs }
      for await (const chunk of fetchRange(request)) {
        await writeAll(handle, chunk, position)
        position += chunk.length
        onProgress(chunk.length)
      }
    } catch (error) {
      // What moved, if only a little, is not stuck.
      if (position > before) tries = 1
      source.signal.throwIfAborted()
      if (error instanceof PullFailure || isOfDisk(error) || tries >= TRIES_MAX) throw error
      if (error instanceof Refused) source.url = await renew()
      await sleep(backoffMs(tries, BACKOFF), undefined, { signal: source.signal })
    }
  }
}

async function writeAll(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    const rest = chunk.subarray(written)
    written += (await handle.write(rest, 0, rest.length, position + written)).bytesWritten
  }
}

async function hashPart(handle: FileHandle, { start, end }: Part, hash: Hash): Promise<void> {
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  for (let position = start; position < end;) {
    const wanted = Math.min(buffer.length, end - position)
    const { bytesRead } = await handle.read(buffer, 0, wanted, position)
    if (bytesRead === 0) throw new PullFailure('disk', 'the file became shorter while it was read')
    hash.update(buffer.subarray(0, bytesRead))
    position += bytesRead
  }
}

function partsOf(from: number, to: number): Part[] {
  return Array.from({ length: Math.ceil((to - from) / PART_BYTES) }, (_, index) => ({
    start: from + index * PART_BYTES,
    end: Math.min(to, from + (index + 1) * PART_BYTES),
  }))
}

function otherHash(found: string, { sha256 }: WantedFile): PullFailure {
  return new PullFailure('corrupt', `has the sha256 ${found}, but manifest.json says ${sha256}`)
}

function failureOf(error: unknown): PullFailure {
  if (error instanceof PullFailure) return error
  const kind = isOfDisk(error) ? 'disk' : 'world'
  return new PullFailure(kind, messageOf(error) || String(systemCode(error)), { cause: error })
}

function isOfDisk(error: unknown): boolean {
  return DISK_CODES.has(systemCode(error) ?? '')
}

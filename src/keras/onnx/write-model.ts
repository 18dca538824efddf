import { closeSync, openSync, renameSync, rmSync, writevSync } from 'node:fs'

import type { Value } from '../graph/ir.ts'
import type { EncodedModel } from './encode-model.ts'
import type { Chunk } from './wire.ts'

const WRITE_BYTES = 1024 ** 2

/**
 * Writes a model, and its second file where it has one, so that neither is ever there in part.
 * Resolves with the bytes written.
 */
export function writeModel({ model, external }: EncodedModel, target: string): number {
  let bytes = 0
  if (external.length > 0) bytes += writeWhole(externalFileOf(target), chunksOf(external))
  return bytes + writeWhole(target, model.chunks)
}

export function externalFileOf(target: string): string {
  return `${target}.data`
}

function* chunksOf(values: readonly Value[]): Generator<Chunk> {
  for (const { constant } of values) if (constant !== undefined) yield constant
}

function writeWhole(target: string, chunks: Iterable<Chunk>): number {
  const temporary = `${target}.${process.pid}.tmp`
  const fd = openSync(temporary, 'wx', 0o600)
  try {
    let written = 0
    try {
      for (const batch of batchesOf(chunks)) {
        written += writeAll(fd, batch)
        collect()
      }
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, target)
    return written
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/**
 * V8 counts what lies outside of its heap late: constants that are written would pile up. The
 * compiler's process is started with --expose-gc; without it this does nothing.
 */
function collect(): void {
  globalThis.gc?.({ type: 'minor' })
}

/** Many small chunks are one write; a large constant is loaded, written and forgotten. */
function* batchesOf(chunks: Iterable<Chunk>): Generator<Uint8Array[]> {
  const batch: Uint8Array[] = []
  let bytes = 0
  for (const chunk of chunks) {
    const view = chunk instanceof Uint8Array ? chunk : bytesOf(chunk.load(), chunk.bytes)
    batch.push(view)
    bytes += view.length
    if (bytes < WRITE_BYTES && batch.length < 512) continue
    yield batch.splice(0)
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

function bytesOf(view: ArrayBufferView, bytes: number): Uint8Array {
  if (view.byteLength !== bytes) throw new RangeError('a constant of another size than announced')
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

function writeAll(fd: number, batch: readonly Uint8Array[]): number {
  const total = batch.reduce((sum, { length }) => sum + length, 0)
  let rest = batch.filter(({ length }) => length > 0)
  for (let written = 0; written < total;) {
    let count = writevSync(fd, rest)
    written += count
    while (rest[0] !== undefined && count >= rest[0].length) {
      count -= rest[0].length
      rest = rest.slice(1)
    }
    if (count > 0 && rest[0] !== undefined) rest = [rest[0].subarray(count), ...rest.slice(1)]
  }
  return total
}

import { createCipheriv, createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'

/** The bytes of an object, readable in ranges any number of times. */
export interface Content {
  readonly bytes: number
  /** The bytes from `from` up to, not including, `to`. */
  read(from: number, to: number): AsyncIterable<Uint8Array>
}

export const EMPTY: Content = inMemory([])

/** Holds the chunks themselves: parts of an upload are joined without a copy. */
export function inMemory(chunks: readonly Uint8Array[]): Content {
  return {
    bytes: chunks.reduce((sum, { length }) => sum + length, 0),
    async *read(from, to) {
      let start = 0
      for (const chunk of chunks) {
        const piece = chunk.subarray(Math.max(0, from - start), Math.max(0, to - start))
        if (piece.length > 0) yield piece
        start += chunk.length
      }
    },
  }
}

/** Reads the file as it is needed. The file has to stay as it is. */
export function onDisk(file: string): Content {
  return {
    bytes: statSync(file).size,
    async *read(from, to) {
      if (to > from) yield* createReadStream(file, { start: from, end: to - 1 })
    },
  }
}

const BLOCK_BYTES = 65_536

/** Any number of bytes for the memory of one block. The same seed gives the same bytes. */
export function synthetic(bytes: number, seed: number): Content {
  const key = createHash('sha256').update(String(seed)).digest()
  const noise = createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(
    Buffer.alloc(BLOCK_BYTES),
  )
  return {
    bytes,
    async *read(from, to) {
      for (let at = from; at < to;) {
        const index = Math.floor(at / BLOCK_BYTES)
        const block = Buffer.from(noise)
        block.writeDoubleBE(index) // so that no two blocks are equal
        const start = index * BLOCK_BYTES
        yield block.subarray(at - start, Math.min(BLOCK_BYTES, to - start))
        at = start + BLOCK_BYTES
      }
    },
  }
}

export function slice(content: Content, from: number, to: number): Content {
  return {
    bytes: to - from,
    read: (start, end) => content.read(from + start, Math.min(to, from + end)),
  }
}

export async function readAll(content: Content): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of content.read(0, content.bytes)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function digestOf(content: Content, algorithm: 'md5' | 'sha256'): Promise<string> {
  const hash = createHash(algorithm)
  for await (const chunk of content.read(0, content.bytes)) hash.update(chunk)
  return hash.digest('hex')
}

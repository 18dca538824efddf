import { Buffer } from 'node:buffer'

import type { OracleFile } from './cases.ts'
import { CONFIG_MUTATIONS, type Random } from './config-mutations.ts'
import { randomIntegers } from './random.ts'
import { readZip, writeZip } from './stored-zip.ts'

export interface Mutant {
  /** What was done to which file: enough to find it again. */
  readonly name: string
  readonly extension: 'h5' | 'keras'
  readonly bytes: Uint8Array
}

type BytesMutation = (bytes: Buffer, random: Random) => Buffer

const CONFIG = 'config.json'
const WEIGHTS = 'model.weights.h5'
const HEAD_BYTES = 2048
const HUGE_WORDS = [0xffff_ffffn, 1n << 31n, 1n << 40n, 1n << 62n, (1n << 64n) - 1n] as const

/** On a file's bytes, whatever they mean. */
const BYTES_MUTATIONS: Readonly<Record<string, BytesMutation>> = {
  truncated: (bytes, random) => bytes.subarray(0, random(bytes.length)),
  'bits flipped': (bytes, random) => flip(bytes, 1 + random(16), bytes.length, random),
  'bits of the head flipped': (bytes, random) =>
    flip(bytes, 1 + random(4), Math.min(HEAD_BYTES, bytes.length), random),
  'a huge count': hugeCount,
  'a block of zeros': (bytes, random) => {
    const at = random(bytes.length)
    return Buffer.from(bytes).fill(0, at, Math.min(at + 1 + random(512), bytes.length))
  },
  'a block moved': (bytes, random) => {
    const copy = Buffer.from(bytes)
    const length = 1 + random(256)
    const from = random(bytes.length - length)
    bytes.copy(copy, random(bytes.length - length), from, from + length)
    return copy
  },
}

/** The `number`-th mutant of `files`: the same number gives the same bytes. */
export async function mutant(files: readonly OracleFile[], number: number): Promise<Mutant> {
  const random = randomIntegers(number)
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T
  const { name, bytes } = pick(files)
  const original = Buffer.from(bytes)
  // An older Keras writes HDF5 to a .keras file, too.
  const isArchive = original.subarray(0, 2).toString() === 'PK'
  if (!isArchive || random(3) === 0) {
    const [what, mutate] = pick(Object.entries(BYTES_MUTATIONS))
    const extension = name.endsWith('.h5') ? 'h5' : 'keras'
    return { name: `${number}: ${what} of ${name}`, extension, bytes: mutate(original, random) }
  }
  const archive = await readZip(original)
  const entry = random(4) === 0 ? WEIGHTS : CONFIG
  const content = archive.get(entry) ?? Buffer.alloc(0)
  if (entry === WEIGHTS) {
    const [what, mutate] = pick(Object.entries(BYTES_MUTATIONS))
    if (random(8) === 0) archive.delete(WEIGHTS)
    else archive.set(WEIGHTS, mutate(content, random))
    return inArchive(`${number}: ${what} of the weights of ${name}`, archive)
  }
  const [what, mutate] = pick(Object.entries(CONFIG_MUTATIONS))
  archive.set(CONFIG, Buffer.from(mutate(content.toString('utf8'), random)))
  return inArchive(`${number}: ${what} in the configuration of ${name}`, archive)
}

function inArchive(name: string, archive: ReadonlyMap<string, Buffer>): Mutant {
  return { name, extension: 'keras', bytes: writeZip(archive) }
}

function flip(bytes: Buffer, count: number, below: number, random: Random): Buffer {
  const copy = Buffer.from(bytes)
  for (let flipped = 0; flipped < count; flipped++) {
    const at = random(below)
    copy.writeUInt8(copy.readUInt8(at) ^ (1 << random(8)), at)
  }
  return copy
}

/** Where an aligned word looks like a size or a count, it becomes a huge one. */
function hugeCount(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes)
  const counts: number[] = []
  for (let at = 0; at + 8 <= copy.length; at += 8) {
    const word = copy.readBigUInt64LE(at)
    if (word > 0n && word < 4096n) counts.push(at)
  }
  for (let changed = 0; changed <= random(3) && counts.length > 0; changed++) {
    const word = HUGE_WORDS[random(HUGE_WORDS.length)] ?? 0n
    copy.writeBigUInt64LE(word, counts[random(counts.length)] ?? 0)
  }
  return copy
}

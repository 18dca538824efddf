import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { type Compilation, compileInChild } from './compile-child.ts'
import type { Mutant } from './mutations.ts'

const MEMORY_BYTES_MAX = 1e9
const SENTENCE = /^cutover: .{20,2000}\n$/

export interface Judged extends Compilation {
  readonly mutant: Mutant
  /** What is wrong with how the command ended; undefined: nothing. */
  readonly fault: string | undefined
}

/** Compiles a mutated file. It may be refused in a sentence, or compile: nothing else. */
export async function judge(mutant: Mutant, timeoutMs: number): Promise<Judged> {
  const dir = mkdtempSync(path.join(tmpdir(), 'cutover-fuzz-'))
  try {
    const file = path.join(dir, `model.${mutant.extension}`)
    writeFileSync(file, mutant.bytes)
    const compilation = await compileInChild(file, path.join(dir, 'model.onnx'), timeoutMs)
    return { ...compilation, mutant, fault: faultOf(compilation, timeoutMs) }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function faultOf(
  { exitCode, stderr, seconds, memoryBytes }: Compilation,
  timeoutMs: number,
): string | undefined {
  if (exitCode === undefined) {
    return seconds * 1000 >= timeoutMs ? 'hangs' : `crashes: ${stderr.slice(-300)}`
  }
  if (memoryBytes > MEMORY_BYTES_MAX) return `takes ${(memoryBytes / 1e6).toFixed(0)} MB`
  if (exitCode === 0) return undefined
  return SENTENCE.test(stderr)
    ? undefined
    : `ends with ${exitCode} and no sentence: ${stderr.slice(0, 300)}`
}

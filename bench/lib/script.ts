import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { messageOf } from '../../src/domain/errors.ts'
import type { PartReport } from './bench.ts'
import { REPOSITORY } from './options.ts'
import { describeMachine, formatReports } from './print.ts'

export interface ScriptContext {
  /** A fresh directory, removed at the end. */
  readonly workDir: string
  readonly progress: (what: string) => void
}

/**
 * A benchmark of its own: prints what `measure` found, writes its numbers to
 * bench/results/NAME.json, and ends the process.
 */
export async function runScript(
  name: string,
  measure: (context: ScriptContext) => Promise<readonly PartReport[]>,
): Promise<never> {
  try {
    const machine = describeMachine()
    const workDir = mkdtempSync(path.join(tmpdir(), `cutover-bench-${name}-`))
    process.on('exit', () => rmSync(workDir, { recursive: true, force: true }))
    const progress = (what: string): void => void process.stderr.write(`${what}\n`)
    const reports = await measure({ workDir, progress })
    const json = path.join(REPOSITORY, 'bench', 'results', `${name}.json`)
    mkdirSync(path.dirname(json), { recursive: true })
    writeFileSync(json, JSON.stringify({ machine, reports }, undefined, 2))
    process.stdout.write(`${formatReports(reports)}\n\nnumbers: ${json}\n`)
    process.exit(0)
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    process.exit(1)
  }
}

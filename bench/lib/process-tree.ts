import { readdirSync, readFileSync } from 'node:fs'

import { cpuTimeMs } from '../../src/lib/cpu-time.ts'
import { processStat } from '../../src/lib/process-stat.ts'

/** `pid` and everything that descends from it now, parents first. Linux only. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const [state, parent] = (/^\d+$/.test(name) ? statOf(Number(name)) : undefined) ?? []
    if (state === undefined || state === 'Z') continue
    const siblings = children.get(Number(parent)) ?? []
    children.set(Number(parent), [...siblings, Number(name)])
  }
  const tree = [pid]
  for (const parent of tree) tree.push(...(children.get(parent) ?? []))
  return tree
}

/** Proportional set size: what the process keeps in memory, shared pages divided among sharers. */
export function pssBytes(pid: number): number {
  const rollup = readProc(`/proc/${pid}/smaps_rollup`)
  return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup ?? '')?.[1] ?? 0) * 1024
}

export function treePssBytes(pid: number): number {
  return processTree(pid).reduce((sum, member) => sum + pssBytes(member), 0)
}

export function isRunning(pid: number): boolean {
  const [state = 'Z'] = statOf(pid) ?? []
  return state !== 'Z'
}

/** User and system time that a process has used. */
export function cpuMsOf(pid: number): number {
  const usedMs = cpuTimeMs(pid)
  if (usedMs === undefined) throw new Error(`the process ${pid} is gone`)
  return usedMs
}

/** Undefined when the process is gone. */
function statOf(pid: number): string[] | undefined {
  try {
    return processStat(pid)
  } catch {
    return undefined
  }
}

/** Undefined when the process is gone. */
function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

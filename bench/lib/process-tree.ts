import { readdirSync, readFileSync } from 'node:fs'

/** `pid` and everything that descends from it now, parents first. Linux only. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readProc(`/proc/${name}/stat`) : undefined
    if (stat === undefined) continue
    // The command's name stands in parentheses and may hold any character, also parentheses.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === 'Z') continue
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
  const stat = readProc(`/proc/${pid}/stat`)
  return stat !== undefined && !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
}

/** User and system time that a process has used; it is counted in ticks of 10 ms. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(user) + Number(system)) * 10
}

/** Undefined when the process is gone. */
function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

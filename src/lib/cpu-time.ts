import { readFileSync } from 'node:fs'

/** Of the kernel's ticks in /proc, on every architecture. */
const TICK_MS = 10

/** CPU time that all threads of a process took together; undefined where the system does not say. */
export function cpuTimeMs(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field, the program's name, may hold anything, so count from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return undefined
  }
}

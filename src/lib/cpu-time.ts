import { processStat } from './process-stat.ts'

/** Of the kernel's ticks in /proc, on every architecture. */
const TICK_MS = 10

/** CPU time that all threads of a process took together; undefined where the system does not say. */
export function cpuTimeMs(pid: number): number | undefined {
  try {
    const fields = processStat(pid)
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return undefined
  }
}

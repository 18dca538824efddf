import { readFileSync } from 'node:fs'

/** Memory that a process holds; throws where the system does not say. */
export function residentBytes(pid: number): number {
  // Not statm, which counts pages: their size is not the same everywhere.
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}

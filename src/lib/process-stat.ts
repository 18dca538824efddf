import { readFileSync } from 'node:fs'

/**
 * What the kernel says of a process in proc(5)'s `stat`, from its third field on. Throws where there
 * is no such file.
 */
export function processStat(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The second field, the program's name, may hold anything, so count from behind it.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

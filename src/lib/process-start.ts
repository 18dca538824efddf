import { readFileSync } from 'node:fs'

import { systemCode } from './system-error.ts'

/**
 * What tells a process from another one that later gets its id: when it started, in the
 * kernel's ticks. 0 where the system does not say; undefined when there is no such process.
 */
export function processStart(pid: number): number | undefined {
  try {
    // Signal 0 only asks. A process of somebody else (EPERM) is one, too.
    process.kill(pid, 0)
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return undefined
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field, the program's name, may hold anything, so count from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[19])
  } catch {
    return 0
  }
}

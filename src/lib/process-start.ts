import { processStat } from './process-stat.ts'
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
    return Number(processStat(pid)[19])
  } catch {
    return 0
  }
}

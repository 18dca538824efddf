import os from 'node:os'

const NICE_MAX = 19

/**
 * Gives a process a priority below the server's own by `nice`, 0 to 19; leaves it as it is where
 * the system does not allow that.
 */
export function giveWay(pid: number, nice: number): void {
  try {
    os.setPriority(pid, Math.min(NICE_MAX, os.getPriority() + nice))
  } catch {
    // It serves all the same.
  }
}

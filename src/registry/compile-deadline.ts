/** Less CPU time than this share of the deadline was not enough to judge the file by. */
const CPU_SHARE_MIN = 0.8
/** So many times the deadline are given to a process that hardly gets a core. */
const STARVED_FACTOR_MAX = 10

export type Lateness = 'in time' | 'too slow' | 'starved'

/**
 * What became of a compilation that was to take `timeoutMs`. On a machine that is throttled or was
 * halted the time passes without work: that is no fault of the file, and it gets longer.
 */
export function latenessOf(
  elapsedMs: number,
  cpuMs: number | undefined,
  timeoutMs: number,
): Lateness {
  if (elapsedMs < timeoutMs) return 'in time'
  if (cpuMs === undefined || cpuMs >= timeoutMs * CPU_SHARE_MIN) return 'too slow'
  return elapsedMs < timeoutMs * STARVED_FACTOR_MAX ? 'in time' : 'starved'
}

import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Finer costs a server that has nothing to do 2 % of a core. */
const RESOLUTION_MS = 20
const NANOSECONDS = 1e9

/**
 * How late the event loop runs a timer. The monitor of Node records the whole time between two
 * firings, so the interval itself is subtracted. Reading resets it.
 */
export function watchEventLoopDelay(): () => { p50: number; p99: number; max: number } {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  const late = (nanoseconds: number) =>
    Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1000) || 0
  return () => {
    const seconds = {
      p50: late(histogram.percentile(50)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.max),
    }
    histogram.reset()
    return seconds
  }
}

import { readFileSync } from 'node:fs'

const PAGE_BYTES = 4096
const INTERVAL_MS = 200

/**
 * Calls `onExceeded` once when the process holds more than `bytesMax` of resident memory. It reads
 * /proc, because a process whose thread is inside a model cannot report on itself; elsewhere than
 * on Linux nothing is watched. Returns a function that stops watching.
 */
export function watchMemory(
  pid: number,
  bytesMax: number,
  onExceeded: (bytes: number) => void,
): () => void {
  const timer = setInterval(() => {
    const bytes = residentBytes(pid)
    if (bytes <= bytesMax) return
    clearInterval(timer)
    onExceeded(bytes)
  }, INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function residentBytes(pid: number): number {
  try {
    const pages = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]
    return Number(pages) * PAGE_BYTES
  } catch {
    return 0
  }
}

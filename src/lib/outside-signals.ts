const OUTSIDE: ReadonlySet<NodeJS.Signals | null> = new Set([
  'SIGKILL',
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
])

/**
 * Whether a process that ended so was ended by another one, or by the kernel when memory is short: what
 * crashes by itself ends otherwise.
 */
export function isFromOutside(signal: NodeJS.Signals | null): boolean {
  return OUTSIDE.has(signal)
}

import type { ChildProcess } from 'node:child_process'

/**
 * Ends a process that cannot refuse. One that did not start is left alone: its number is 0 for a
 * moment, which kill(2) takes for the server's whole process group.
 */
export function endAtOnce(child: ChildProcess): void {
  if (child.pid !== undefined) child.kill('SIGKILL')
}

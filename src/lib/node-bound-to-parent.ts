import { existsSync } from 'node:fs'

const SHELL = '/bin/sh'
const BIND = "bound='setpriv --pdeathsig KILL'; $bound true 2>/dev/null || bound="

/**
 * What to start, with which first arguments, for a Node process that does not outlive this one. A
 * process that computes on its main thread does not see that its channel to a killed parent is
 * closed, so the system ends it: setpriv (util-linux) asks for the signal of prctl(2)'s
 * PR_SET_PDEATHSIG. Where there is none of it, `cpuSecondsMax` still ends the process, and without
 * a shell nothing does. Each program becomes the next one: the process id is Node's.
 */
export function nodeBoundToParent(
  flags: readonly string[],
  cpuSecondsMax?: number,
): { command: string; args: string[] } {
  if (!existsSync(SHELL)) return { command: process.execPath, args: [...flags] }
  const limit = cpuSecondsMax === undefined ? '' : `ulimit -t ${Math.ceil(cpuSecondsMax)}; `
  const script = `${limit}${BIND}; exec $bound "$0" "$@"`
  return { command: SHELL, args: ['-c', script, process.execPath, ...flags] }
}

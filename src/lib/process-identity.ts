import os from 'node:os'

import { processStart } from './process-start.ts'

const OWNED = /^(?<host>.+)~(?<pid>\d+)~(?<start>\d+)~[A-Za-z0-9]{6}$/

/** What the name of a directory of this process begins with; mkdtemp(3) adds six characters. */
export function ownedPrefix(): string {
  return [os.hostname(), process.pid, processStart(process.pid) ?? 0, ''].join('~')
}

/**
 * Whether a name is that of a directory of a process of this host that is gone. Of another host,
 * which may share the disk, nobody here can say whether it lives.
 */
export function isAbandoned(name: string): boolean {
  const { host, pid, start } = OWNED.exec(name)?.groups ?? {}
  return host === os.hostname() && processStart(Number(pid)) !== Number(start)
}

/** Whether a name is that of a directory of a process of another host. */
export function isOfAnotherHost(name: string): boolean {
  const { host = os.hostname() } = OWNED.exec(name)?.groups ?? {}
  return host !== os.hostname()
}

import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const running = new Set<ChildProcess>()
// Whatever ends the benchmark, nothing that it started outlives it.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface SpawnOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Where its output goes; what was there is overwritten. */
  readonly logFile: string
}

export function spawnOwned(
  command: string,
  args: readonly string[],
  { cwd, env, logFile }: SpawnOptions,
): ChildProcess {
  const log = openSync(logFile, 'w')
  const child = spawn(command, [...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  return own(child)
}

/** Another program of the benchmark, written in TypeScript, that speaks over IPC. */
export function forkOwned(
  program: URL,
  { args = [], cores }: { args?: readonly string[]; cores?: string | undefined } = {},
): ChildProcess {
  const child = own(
    fork(fileURLToPath(program), args, {
      execArgv: ['--import', 'tsx'],
      serialization: 'advanced',
    }),
  )
  if (cores !== undefined) pinTo(cores, child)
  return child
}

/** Of a process that has just begun: the threads and processes that it makes inherit it. */
export function pinTo(cores: string, { pid }: ChildProcess): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)])
}

function own(child: ChildProcess): ChildProcess {
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

export function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** Asks to end, insists after `graceMs`. Resolves when it has exited. */
export async function stop(child: ChildProcess, graceMs: number): Promise<void> {
  if (hasExited(child)) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const insist = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await exited
  clearTimeout(insist)
}

export interface UntilOptions {
  readonly child: ChildProcess
  readonly logFile: string
  readonly timeoutMs: number
  readonly intervalMs?: number
}

/** Tries `probe` until it answers true. Throws with the end of the log when `child` gives up. */
export async function until(
  probe: () => Promise<boolean>,
  what: string,
  { child, logFile, timeoutMs, intervalMs = 10 }: UntilOptions,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await probe())) {
    if (hasExited(child) || Date.now() > deadline) {
      const reason = hasExited(child) ? 'it exited' : `not within ${timeoutMs} ms`
      throw new Error(`${what}: ${reason}\n${readFileSync(logFile, 'utf8').slice(-4000)}`)
    }
    await sleep(intervalMs)
  }
}

/** The next message of `kind`; rejects when the child exits first or after `timeoutMs`. */
export function nextMessage<Message extends { readonly kind: string }>(
  child: ChildProcess,
  kind: Message['kind'],
  timeoutMs: number,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer)
      child.off('message', onMessage)
      child.off('exit', onExit)
    }
    const onMessage = (message: unknown): void => {
      if ((message as Message).kind !== kind) return
      finish()
      resolve(message as Message)
    }
    const onExit = (): void => {
      finish()
      reject(new Error(`a process of the benchmark exited before it sent ${kind}`))
    }
    const timer = setTimeout(() => {
      finish()
      reject(new Error(`a process of the benchmark sent no ${kind} within ${timeoutMs} ms`))
    }, timeoutMs)
    child.on('message', onMessage)
    child.once('exit', onExit)
  })
}

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import path from 'node:path'

import { pinTo, spawnOwned, stop, until } from './child.ts'
import { REPOSITORY } from './options.ts'
import { PHOTO, PHOTO_CLASS } from './photo.ts'
import { isRunning, processTree } from './process-tree.ts'

const READY_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 40_000

export interface ServerOptions {
  readonly registry: string
  readonly engines: number
  readonly workDir: string
  /** Added to the environment; the admin and gRPC ports are opened only if this asks for them. */
  readonly env?: Readonly<Record<string, string>>
  /** Those that it and its engines may run on, as taskset names them; all, without it. */
  readonly cores?: string
}

/** `cutover serve` as a user starts it, with its default settings. */
export class CutoverServer {
  readonly port: number
  readonly pid: number
  readonly #child: ChildProcess
  readonly #logFile: string

  private constructor(child: ChildProcess, port: number, logFile: string) {
    this.#child = child
    this.#logFile = logFile
    this.port = port
    this.pid = child.pid ?? -1
  }

  /** Resolves when it is ready: by default, when it has answered the photo with its class. */
  static async start(
    { registry, engines, workDir, env = {}, cores }: ServerOptions,
    ready: (port: number) => Promise<boolean> = isReady,
    timeoutMs = READY_TIMEOUT_MS,
  ): Promise<CutoverServer> {
    const port = await freePort()
    const logFile = path.join(workDir, 'server.log')
    const args = ['serve', registry, '--port', String(port), '--engines', String(engines)]
    const child = spawnOwned('bin/cutover.js', args, {
      cwd: REPOSITORY,
      env: { ...serverEnvironment(workDir), ...env },
      logFile,
    })
    if (cores !== undefined) pinTo(cores, child)
    await until(() => ready(port), 'cutover is not ready', {
      child,
      logFile,
      timeoutMs,
    })
    return new CutoverServer(child, port, logFile)
  }

  enginePids(): number[] {
    return processTree(this.pid).slice(1)
  }

  /** Throws with the end of the server's log when `condition` stays false. */
  async waitFor(condition: () => boolean, what: string, timeoutMs: number): Promise<void> {
    await until(() => Promise.resolve(condition()), what, {
      child: this.#child,
      logFile: this.#logFile,
      timeoutMs,
      // Looking through /proc takes milliseconds that the server could use.
      intervalMs: 100,
    })
  }

  /** The sum of a metric's series whose labels contain `label`. */
  async metric(name: string, label = ''): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/metrics`)
    return (await answer.text())
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => line.includes(label))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }

  /** Resolves to the processes of the server that outlived it. */
  async stop(): Promise<number[]> {
    const tree = processTree(this.pid)
    await stop(this.#child, STOP_TIMEOUT_MS)
    return tree.filter(isRunning)
  }
}

/** The operator's own settings do not count, and nothing is kept of what is served here. */
export function serverEnvironment(workDir: string): Record<string, string> {
  return {
    CUTOVER_HOST: '127.0.0.1',
    CUTOVER_CACHE_DIR: path.join(workDir, 'cache'),
    CUTOVER_SHUTDOWN_GRACE_MS: '0',
    CUTOVER_ADMIN_PORT: '-1',
    CUTOVER_GRPC_PORT: '-1',
    // What is measured is how a version is swapped in, not how long it is tried.
    CUTOVER_ROLLOUT_STRATEGY: 'immediate',
  }
}

export async function isReady(port: number): Promise<boolean> {
  try {
    const form = new FormData()
    form.set('image', new Blob([PHOTO], { type: 'image/jpeg' }), 'photo.jpg')
    const answer = await fetch(`http://127.0.0.1:${port}/predict`, {
      method: 'POST',
      body: form,
      signal: AbortSignal.timeout(30_000),
    })
    const body = (await answer.json()) as { class_index?: unknown }
    return answer.status === 200 && body.class_index === PHOTO_CLASS
  } catch {
    return false
  }
}

export async function saysReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthz/ready`)).ok
  } catch {
    return false
  }
}

export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  listener.close()
  await once(listener, 'close')
  if (address === null || typeof address === 'string') throw new Error('no TCP port was given')
  return address.port
}

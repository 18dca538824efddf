import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { afterAll } from 'vitest'

import { processStat } from '../../src/lib/process-stat.ts'
import { temporaryDirectory } from './registry.ts'

const BIN = fileURLToPath(new URL('../../bin/cutover.js', import.meta.url))
const START_TIMEOUT_MS = 120_000
/** A busy machine takes 20 s for what takes one else. */
const WAIT_MS = 120_000

export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly [key: string]: unknown
}

/** A real server process on a free port, with what it logged. */
export class TestServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly process: ChildProcess
  readonly log: readonly LogLine[]
  readonly #stderr: () => string

  constructor(process: ChildProcess, port: number, log: readonly LogLine[], stderr: () => string) {
    this.process = process
    this.pid = process.pid ?? -1
    this.port = port
    this.url = `http://127.0.0.1:${port}`
    this.log = log
    this.#stderr = stderr
  }

  /** All that it wrote besides its log: warnings of Node.js, and how it crashed. */
  get stderr(): string {
    return this.#stderr()
  }

  /** Sends a signal, SIGTERM if none is named, and resolves with the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.process.exitCode !== null) return this.process.exitCode
    const exited = once(this.process, 'exit')
    this.process.kill(signal)
    const [code] = (await exited) as [number | null]
    return code
  }

  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    let sum = 0
    for (const line of text.split('\n')) {
      const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line)
      if (match?.[1] !== name) continue
      const has = Object.entries(labels).every(([k, v]) => match[2]?.includes(`${k}="${v}"`))
      if (has) sum += Number(match[3])
    }
    return sum
  }

  /** The gRPC port, which is opened only if the flags ask for it. */
  get grpcAddress(): string {
    return `127.0.0.1:${String(this.log.find((line) => line['grpcPort'])?.['grpcPort'])}`
  }

  events(kind: string): LogLine[] {
    return this.log.filter(({ event }) => event === kind)
  }

  /** The engine processes: the server's children. */
  enginePids(): number[] {
    return childrenOf(this.pid)
  }
}

export interface ServerOptions {
  readonly flags?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Resolve once it listens, not once it is ready. */
  readonly listeningOnly?: boolean
  /** Files and sockets that it may have open. */
  readonly filesMax?: number
}

const running = new Set<ChildProcess>()
afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a server that the test file's end stops. Two engines and no grace, unless flags say so. */
export async function startServer(
  path: string,
  { flags = [], env = {}, listeningOnly = false, filesMax }: ServerOptions = {},
): Promise<TestServer> {
  const defaults = [
    '--admin-port',
    '-1',
    '--grpc-port',
    '-1',
    '--rollout-strategy',
    'immediate',
    '--port',
    '0',
    '--host',
    '127.0.0.1',
    '--engines',
    '2',
    '--settle-ms',
    '200',
  ]
  const cache = ['--cache-dir', temporaryDirectory()]
  const bounds = filesMax === undefined ? '' : `ulimit -n ${filesMax};`
  const child = spawn(
    'sh',
    [
      '-c',
      `${bounds} exec "$0" "$@"`,
      process.execPath,
      BIN,
      'serve',
      path,
      ...defaults,
      ...cache,
      '--shutdown-grace-ms',
      '0',
      '--log-level',
      'debug',
      ...flags,
    ],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  running.add(child)
  child.on('exit', () => running.delete(child))
  const log: LogLine[] = []
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  createInterface({ input: child.stdout }).on('line', (line) => {
    log.push(JSON.parse(line) as LogLine)
  })
  const port = await waitFor(
    () => {
      if (child.exitCode !== null) throw new Error(`the server exited: ${stderr}`)
      return log.find(({ msg }) => msg.startsWith('listening'))?.['port'] as number | undefined
    },
    'the server to listen',
    START_TIMEOUT_MS,
  )
  const server = new TestServer(child, port, log, () => stderr)
  if (!listeningOnly) {
    await waitFor(
      async () => (await fetch(`${server.url}/healthz/ready`)).ok || undefined,
      'the server to be ready',
      START_TIMEOUT_MS,
    )
  }
  return server
}

/** Asks again and again until there is an answer other than undefined or false. */
export async function waitFor<T>(
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  timeoutMs = WAIT_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await sleep(20)
  }
}

export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid)
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(processStat(pid)[1])
  } catch {
    return undefined
  }
}

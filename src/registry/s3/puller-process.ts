import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { CutoverError } from '../../domain/errors.ts'
import { type Deferred, deferred } from '../../lib/deferred.ts'
import { endAtOnce } from '../../lib/end-at-once.ts'
import { giveWay } from '../../lib/give-way.ts'
import {
  type PullCause,
  type PullerCommand,
  type PullerReply,
  parsePullerReply,
} from '../../wire/puller-protocol.ts'

/** It gives way to everything that serves, and a large version, which takes its time, entirely. */
const NICE = 10
const NICE_LARGE = 19
const LARGE_BYTES = 32 * 1024 ** 2
/** This file is compiled to JavaScript or run from source: the program is as well. */
const PROGRAM = fileURLToPath(
  new URL(`../../puller/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)
/** It reads what strangers wrote: it gets what a TLS connection needs, and no credentials. */
const ENVIRONMENT = [
  'PATH',
  'HOME',
  'TMPDIR',
  'SystemRoot',
  'NODE_OPTIONS',
  'NODE_EXTRA_CA_CERTS',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
]

export interface PullerOptions {
  readonly connections: number
  readonly stallTimeoutMs: number
  readonly onProgress: (bytes: number) => void
}

/** Why one file could not be had. */
export class FileFailure extends Error {
  readonly kind: PullCause

  constructor(kind: PullCause, reason: string) {
    super(reason)
    this.name = 'FileFailure'
    this.kind = kind
  }
}

type FileCommand = Exclude<PullerCommand, { kind: 'url' }>
/** What is to be done with one file. */
export type FileTask = FileCommand extends infer Command
  ? Command extends FileCommand
    ? Omit<Command, 'id'>
    : never
  : never

interface Waiting {
  readonly answer: Deferred<void>
  readonly renew: () => Promise<string>
}

/** A process that pulls and verifies files, until it is closed. */
export class PullerProcess {
  readonly #process: ChildProcess
  readonly #onProgress: (bytes: number) => void
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #bytes = 0
  #ended: CutoverError | undefined

  constructor({ connections, stallTimeoutMs, onProgress }: PullerOptions) {
    this.#onProgress = onProgress
    const env = Object.fromEntries(ENVIRONMENT.map((name) => [name, process.env[name]]))
    this.#process = fork(PROGRAM, [String(connections), String(stallTimeoutMs)], {
      env,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // What the server was started with is tuned for the server.
      execArgv: [],
    })
    this.#process.on('message', (message) => this.#receive(message))
    this.#process.on('error', (error) => this.#end(`it did not start: ${error.message}`))
    this.#process.on('exit', (code, signal) => this.#end(`it ended with ${signal ?? code}`))
    const { pid } = this.#process
    // Where files ran out there is no channel to it either, and `error` comes only next.
    if (pid === undefined) this.#end('it did not start')
    else giveWay(pid, NICE)
  }

  /** Does one task. Throws FileFailure, or REGISTRY_UNAVAILABLE when the process is gone. */
  async run(task: FileTask, renew: () => Promise<string>): Promise<void> {
    if (this.#ended !== undefined) throw this.#ended
    const id = this.#nextId++
    const answer = deferred<void>()
    this.#waiting.set(id, { answer, renew })
    try {
      this.#process.send({ ...task, id } satisfies PullerCommand)
      await answer.promise
    } finally {
      this.#waiting.delete(id)
    }
  }

  /** Ends the process, whatever it does, and with it what is waited for. */
  close(): void {
    endAtOnce(this.#process)
    this.#end('it was stopped')
  }

  #receive(message: unknown): void {
    let reply: PullerReply
    try {
      reply = parsePullerReply(message)
    } catch {
      this.close()
      return
    }
    if (reply.kind === 'progress') {
      this.#onProgress(reply.bytes)
      this.#giveWay(reply.bytes)
      return
    }
    const waiting = this.#waiting.get(reply.id)
    if (waiting === undefined) return
    if (reply.kind === 'refused') {
      void this.#renew(reply.id, waiting)
      return
    }
    if (reply.kind === 'done') waiting.answer.resolve()
    else waiting.answer.reject(new FileFailure(reply.cause, reply.reason))
  }

  #giveWay(bytes: number): void {
    const before = this.#bytes
    this.#bytes += bytes
    const { pid } = this.#process
    if (before >= LARGE_BYTES || this.#bytes < LARGE_BYTES || pid === undefined) return
    // Of its main thread, which receives and hashes; the others only write to the disk.
    giveWay(pid, NICE_LARGE)
  }

  async #renew(id: number, { answer, renew }: Waiting): Promise<void> {
    try {
      const url = await renew()
      if (this.#ended === undefined) this.#process.send({ kind: 'url', id, url })
    } catch (error) {
      answer.reject(error)
    }
  }

  #end(reason: string): void {
    this.#ended ??= new CutoverError(
      'REGISTRY_UNAVAILABLE',
      `the process that pulls files is gone: ${reason}`,
    )
    for (const { answer } of this.#waiting.values()) answer.reject(this.#ended)
  }
}

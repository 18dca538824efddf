import { type ChildProcess, spawn } from 'node:child_process'
import type { Buffer } from 'node:buffer'
import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'

import { CutoverError, messageOf } from '../domain/errors.ts'
import { signatureNamed } from '../domain/signature.ts'
import { deferred } from '../lib/deferred.ts'
import { endAtOnce } from '../lib/end-at-once.ts'
import { giveWay } from '../lib/give-way.ts'
import { nodeBoundToParent } from '../lib/node-bound-to-parent.ts'
import { isFromOutside } from '../lib/outside-signals.ts'
import { systemCode } from '../lib/system-error.ts'
import {
  type EngineCommand,
  type EngineInfo,
  type EngineMessage,
  type LoadCommand,
  type LoadStep,
  parseEngineMessage,
} from '../wire/engine-protocol.ts'
import type { Frame } from '../wire/frame.ts'
import { FrameChannel } from '../wire/frame-channel.ts'
import {
  answeredId,
  decodeResult,
  encodeRun,
  inSharedMemory,
  MESSAGE_BYTES_MAX,
  type RunRequest,
  type RunResult,
  tooLong,
} from '../wire/run-message.ts'
import { engineEnvironment } from './environment.ts'
import { hangsAt } from './hang.ts'
import { MemoryWatch } from '../lib/memory-watch.ts'
import { OutputTail } from './output-tail.ts'
import { roomFor, SharedMemory } from './shared-memory.ts'

const CHANNEL_FD = 3
const CLOSE_GRACE_MS = 2_000
/** An engine makes little JavaScript garbage; V8 would let it pile up: −12 MB in each process. */
const NODE_FLAGS = ['--max-semi-space-size=1']
/** This file is compiled to JavaScript or run from source: the worker is what stands beside it. */
const WORKER = fileURLToPath(
  new URL(`../worker/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

export interface EngineOptions {
  readonly load: LoadCommand
  readonly loadTimeoutMs: number
  /** A request that runs for longer has hung the process, which is killed. */
  readonly runTimeoutMs: number
  /** Resident memory beyond which the process is killed. */
  readonly memoryBytesMax: number
  /** The process gives way by this much to the server, which must answer at once; 0 to 19. */
  readonly nice: number
  readonly onStep?: ((step: LoadStep) => void) | undefined
}

/** Why a process ended: the first cause wins. */
export type EngineEnding =
  | { readonly kind: 'closed' }
  | { readonly kind: 'crashed'; readonly reason: string; readonly byOutsider?: boolean }
  | { readonly kind: 'timeout'; readonly reason: string }
  | { readonly kind: 'memory'; readonly reason: string }

/** What became of a request: an answer, or why there is none. */
export type RunEnd = RunResult | CutoverError

/** Why a request has no answer: ENGINE_CRASHED or ENGINE_TIMEOUT, the process ended. */
export class EngineGone extends CutoverError {
  /**
   * The process was ended by another one or by the kernel, or could not be started, which says little
   * about the request or the model.
   */
  readonly byOutsider: boolean

  constructor(
    code: 'ENGINE_CRASHED' | 'ENGINE_TIMEOUT',
    message: string,
    { byOutsider = false }: { readonly byOutsider?: boolean | undefined } = {},
  ) {
    super(code, message)
    this.byOutsider = byOutsider
  }
}

interface Pending {
  readonly request: RunRequest
  readonly sentAt: number
  /** Where its body lies in shared memory. */
  readonly sharedAt: number | undefined
  readonly onEnd: (end: RunEnd) => void
}

/** The process behind an Engine, from its start to its end. */
export class EngineChild {
  readonly ended = deferred<EngineEnding>()
  readonly pid: number
  readonly #process: ChildProcess
  /** Undefined where files ran out and there is no process: `error` comes next. */
  readonly #channel: FrameChannel | undefined
  readonly #shared: SharedMemory | undefined
  readonly #output = new OutputTail()
  readonly #onStep: EngineOptions['onStep']
  /** In the order they were sent. */
  readonly #pending = new Map<number, Pending>()
  readonly #runTimeoutMs: number
  #answeredAt = 0
  /** As many as were pending at a time since none was. */
  #held = 0
  #hangTimer: NodeJS.Timeout | undefined
  readonly #loaded = deferred<EngineInfo>()
  readonly #memory: MemoryWatch
  #nextId = 1
  /** What the model says of itself, once it is loaded. */
  #info: EngineInfo | undefined
  #ending: EngineEnding | undefined

  constructor({ load, onStep, memoryBytesMax, nice, runTimeoutMs }: EngineOptions) {
    this.#shared = SharedMemory.open(roomFor(load.batching?.sizeMax ?? 0))
    this.#runTimeoutMs = runTimeoutMs
    this.#onStep = onStep
    const { command, args } = nodeBoundToParent(NODE_FLAGS)
    this.#process = spawn(command, [...args, WORKER], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', this.#shared?.fd ?? 'ignore'],
      env: engineEnvironment(process.env),
    })
    this.pid = this.#process.pid ?? -1
    this.#process.on('error', (error) => {
      const reason = `it did not start: ${error.message}`
      this.#end({ kind: 'crashed', reason, byOutsider: true })
    })
    // Before the process makes threads: each inherits the priority of the one that made it.
    if (this.pid > 0) giveWay(this.pid, nice)
    this.#process.stdout?.on('data', (chunk: Buffer) => this.#output.push(chunk))
    this.#process.stderr?.on('data', (chunk: Buffer) => this.#output.push(chunk))
    const channel = (this.#process.stdio as ChildProcess['stdio'] | undefined)?.[CHANNEL_FD]
    if (channel instanceof Duplex) this.#channel = this.#open(channel)
    this.#process.on('close', (code, signal) => {
      const how = signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`
      const byOutsider = isFromOutside(signal)
      this.#end({ kind: 'crashed', reason: `${how}${this.#output.quoted()}`, byOutsider })
    })
    this.#memory = new MemoryWatch(this.pid, {
      bytesMax: memoryBytesMax,
      isBusy: () => this.#info === undefined || this.#pending.size > 0,
      onExceeded: (bytes) => {
        this.kill({
          kind: 'memory',
          reason: `it held ${megabytes(bytes)} MB; at most ${megabytes(memoryBytesMax)} MB`,
        })
      },
    })
    // Rejections that nobody waits for any more are no news.
    this.#loaded.promise.catch(() => {})
  }

  get alive(): boolean {
    return this.#ending === undefined
  }

  async load({ load, loadTimeoutMs }: EngineOptions): Promise<EngineInfo> {
    const timer = setTimeout(() => {
      this.kill({ kind: 'timeout', reason: `the model did not load in ${loadTimeoutMs} ms` })
    }, loadTimeoutMs)
    try {
      this.#send(load)
      return await this.#loaded.promise
    } finally {
      clearTimeout(timer)
    }
  }

  /** The model is loaded. Calls `onEnd` once, and not before it has returned. */
  run(request: RunRequest, alone: boolean, onEnd: (end: RunEnd) => void): void {
    const info = this.#info
    if (this.#ending !== undefined || info === undefined) {
      const failure = failureOf(this.#ending ?? { kind: 'closed' })
      queueMicrotask(() => onEnd(failure))
      return
    }
    const id = this.#nextId++
    const message = encodeRun(info, request, { id, alone })
    const excess = tooLong(message)
    if (excess !== undefined) {
      const refusal = new CutoverError('BODY_TOO_LARGE', `the request's inputs have ${excess}`)
      queueMicrotask(() => onEnd(refusal))
      return
    }
    const sharedAt = this.#shared?.put(message.parts)
    this.#held = this.#pending.size === 0 ? 1 : Math.max(this.#held, this.#pending.size + 1)
    this.#pending.set(id, { request, sentAt: performance.now(), sharedAt, onEnd })
    this.#hangTimer ??= setTimeout(() => this.#lookForHang(), this.#runTimeoutMs)
    this.#memory.wake()
    const { header, parts } = sharedAt === undefined ? message : inSharedMemory(message, sharedAt)
    this.#channel?.sendNumbers(header, parts)
  }

  close(): void {
    this.#ending ??= { kind: 'closed' }
    this.#send({ kind: 'close' })
    const timer = setTimeout(() => this.kill({ kind: 'closed' }), CLOSE_GRACE_MS)
    void this.ended.promise.then(() => clearTimeout(timer))
  }

  kill(ending: EngineEnding): void {
    this.#ending ??= ending
    endAtOnce(this.#process)
  }

  #open(stream: Duplex): FrameChannel {
    return new FrameChannel(stream, {
      frameBytesMax: MESSAGE_BYTES_MAX,
      onFrame: (frame) => this.#receive(frame),
      // A process without its channel is of no more use; why it lost it mostly shows in how it ended.
      onClose: (error) => {
        if (error === undefined || systemCode(error) !== undefined) endAtOnce(this.#process)
        else this.kill(brokenProtocol(error))
      },
    })
  }

  #send(command: EngineCommand): void {
    this.#channel?.send(command)
  }

  #receive(frame: Frame): void {
    try {
      if (frame.isJson) this.#hear(parseEngineMessage(frame.json()))
      else this.#answered(frame)
    } catch (error) {
      this.kill(brokenProtocol(error))
    }
  }

  #hear(message: EngineMessage): void {
    switch (message.kind) {
      case 'progress':
        this.#onStep?.(message.step)
        return
      case 'ready':
        this.#info = message
        this.#loaded.resolve(message)
        return
      case 'failed':
        this.#loaded.reject(new CutoverError(message.code, message.message))
        this.kill({ kind: 'closed' })
        return
      case 'error':
        this.#settle(message.id, new CutoverError(message.code, message.message))
        return
      default:
        message satisfies never
    }
  }

  #answered(frame: Frame): void {
    const id = answeredId(frame)
    const request = this.#pending.get(id)?.request
    if (request === undefined || this.#info === undefined) return
    const name = request.kind === 'tensors' ? request.signature : undefined
    this.#settle(id, decodeResult(signatureNamed(this.#info, name), frame))
  }

  #settle(id: number, end: RunEnd): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    this.#answeredAt = performance.now()
    // It is answered, so the engine has read what it was asked.
    if (pending.sharedAt !== undefined) this.#shared?.giveBack(pending.sharedAt)
    pending.onEnd(end)
  }

  /** One timer looks after all requests: the oldest is the first whose time is over. */
  #lookForHang(): void {
    this.#hangTimer = undefined
    const [oldest] = this.#pending
    if (oldest === undefined) return
    const timeoutMs = this.#runTimeoutMs
    const [id, { sentAt, onEnd }] = oldest
    const [answeredAt, held] = [this.#answeredAt, this.#held]
    const leftMs = hangsAt({ sentAt, answeredAt, held }, timeoutMs) - performance.now()
    if (leftMs > 0) {
      this.#hangTimer = setTimeout(() => this.#lookForHang(), Math.ceil(leftMs))
      return
    }
    this.kill({ kind: 'timeout', reason: `a request took longer than ${timeoutMs} ms` })
    this.#pending.delete(id)
    onEnd(new EngineGone('ENGINE_TIMEOUT', `the model did not answer in ${timeoutMs} ms`))
  }

  #end(ending: EngineEnding): void {
    this.#ending ??= ending
    this.#memory.stop()
    this.#channel?.close()
    this.#shared?.close()
    const failure = failureOf(this.#ending)
    this.#loaded.reject(failure)
    clearTimeout(this.#hangTimer)
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { onEnd } of pending) onEnd(failure)
    this.ended.resolve(this.#ending)
  }
}

function brokenProtocol(error: unknown): EngineEnding {
  return { kind: 'crashed', reason: `it broke the protocol: ${messageOf(error)}` }
}

function failureOf(ending: EngineEnding): EngineGone {
  switch (ending.kind) {
    case 'closed':
      return new EngineGone('ENGINE_CRASHED', 'the engine process was closed')
    case 'timeout':
      return new EngineGone('ENGINE_TIMEOUT', `the engine process was killed: ${ending.reason}`)
    case 'memory':
      return new EngineGone('ENGINE_CRASHED', `the engine process was killed: ${ending.reason}`)
    case 'crashed':
      return new EngineGone(
        'ENGINE_CRASHED',
        `the engine process is gone: ${ending.reason}`,
        ending,
      )
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 ** 2)
}

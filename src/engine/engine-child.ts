import os from 'node:os'
import { type ChildProcess, spawn } from 'node:child_process'
import type { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'

import { CutoverError, messageOf } from '../domain/errors.ts'
import type { NamedTensors } from '../domain/tensor.ts'
import { type Deferred, deferred } from '../lib/deferred.ts'
import { nodeBoundToParent } from '../lib/node-bound-to-parent.ts'
import {
  type EngineCommand,
  type EngineInfo,
  type EngineReply,
  type LoadCommand,
  type LoadStep,
  packTensors,
  parseEngineMessage,
  type ScoredClass,
  type Timings,
  unpackTensors,
} from '../wire/engine-protocol.ts'
import type { Frame } from '../wire/frame.ts'
import { FrameChannel } from '../wire/frame-channel.ts'
import { engineEnvironment } from './environment.ts'
import { MemoryWatch } from '../lib/memory-watch.ts'
import { OutputTail } from './output-tail.ts'

const CHANNEL_FD = 3
const FRAME_BYTES_MAX = 1024 ** 3
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
  /** Resident memory beyond which the process is killed. */
  readonly memoryBytesMax: number
  /** The process gives way by this much to the server, which must answer at once; 0 to 19. */
  readonly nice: number
  readonly onStep?: ((step: LoadStep) => void) | undefined
  /** A line that the process wrote. */
  readonly onOutput?: ((line: string) => void) | undefined
}

export type EngineRequest =
  | { readonly kind: 'image'; readonly image: Uint8Array; readonly topK: number }
  | {
      readonly kind: 'tensors'
      readonly inputs: NamedTensors
      readonly outputs?: readonly string[] | undefined
      readonly signature?: string | undefined
    }

export type EngineResult =
  | {
      readonly kind: 'classes'
      readonly classes: readonly ScoredClass[]
      readonly timings: Timings
    }
  | { readonly kind: 'tensors'; readonly outputs: NamedTensors; readonly timings: Timings }

/** Why a process ended: the first cause wins. */
export type EngineEnding =
  | { readonly kind: 'closed' }
  | { readonly kind: 'crashed'; readonly reason: string }
  | { readonly kind: 'timeout'; readonly reason: string }
  | { readonly kind: 'memory'; readonly reason: string }

interface Pending {
  readonly answer: Deferred<EngineResult>
  readonly timer: NodeJS.Timeout
}

/** The process behind an Engine, from its start to its end. */
export class EngineChild {
  readonly ended = deferred<EngineEnding>()
  readonly pid: number
  readonly #process: ChildProcess
  readonly #channel: FrameChannel
  readonly #output: OutputTail
  readonly #onStep: EngineOptions['onStep']
  readonly #pending = new Map<number, Pending>()
  readonly #loaded = deferred<EngineInfo>()
  readonly #memory: MemoryWatch
  #nextId = 1
  #isLoading = true
  #ending: EngineEnding | undefined

  constructor({ onOutput, onStep, memoryBytesMax, nice }: EngineOptions) {
    this.#onStep = onStep
    const { command, args } = nodeBoundToParent(NODE_FLAGS)
    this.#process = spawn(command, [...args, WORKER], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: engineEnvironment(process.env),
    })
    this.pid = this.#process.pid ?? -1
    // Before the process makes threads: each inherits the priority of the one that made it.
    if (this.pid > 0) os.setPriority(this.pid, nice)
    this.#output = new OutputTail(onOutput)
    this.#process.stdout?.on('data', (chunk: Buffer) => this.#output.push(chunk))
    this.#process.stderr?.on('data', (chunk: Buffer) => this.#output.push(chunk))
    this.#channel = new FrameChannel(this.#process.stdio[CHANNEL_FD] as Duplex, {
      frameBytesMax: FRAME_BYTES_MAX,
      onFrame: (frame) => this.#receive(frame),
      // A process without its channel is of no more use; why it lost it shows in how it ended.
      onClose: () => this.#process.kill('SIGKILL'),
    })
    this.#process.on('error', (error) => {
      this.#end({ kind: 'crashed', reason: `it did not start: ${error.message}` })
    })
    this.#process.on('close', (code, signal) => {
      const how = signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`
      this.#end({ kind: 'crashed', reason: `${how}${this.#output.quoted()}` })
    })
    this.#memory = new MemoryWatch(this.pid, {
      bytesMax: memoryBytesMax,
      isBusy: () => this.#isLoading || this.#pending.size > 0,
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

  run(request: EngineRequest, alone: boolean, timeoutMs: number): Promise<EngineResult> {
    if (this.#ending !== undefined) return Promise.reject(failureOf(this.#ending))
    const id = this.#nextId++
    const answer = deferred<EngineResult>()
    const timer = setTimeout(() => {
      const reason = `a request took longer than ${timeoutMs} ms`
      this.#pending.delete(id)
      answer.reject(
        new CutoverError('ENGINE_TIMEOUT', `the model did not answer in ${timeoutMs} ms`),
      )
      this.kill({ kind: 'timeout', reason })
    }, timeoutMs)
    this.#pending.set(id, { answer, timer })
    this.#memory.wake()
    if (request.kind === 'image') {
      const { image, topK } = request
      this.#send({ kind: 'image', id, topK, alone, bytes: image.byteLength }, [image])
    } else {
      const { inputs, outputs, signature } = request
      const { headers, parts } = packTensors(inputs)
      this.#send({ kind: 'tensors', id, alone, inputs: headers, outputs, signature }, parts)
    }
    return answer.promise
  }

  close(): void {
    this.#ending ??= { kind: 'closed' }
    this.#send({ kind: 'close' })
    const timer = setTimeout(() => this.kill({ kind: 'closed' }), CLOSE_GRACE_MS)
    void this.ended.promise.then(() => clearTimeout(timer))
  }

  kill(ending: EngineEnding): void {
    this.#ending ??= ending
    this.#process.kill('SIGKILL')
  }

  #send(command: EngineCommand, parts?: readonly Uint8Array[]): void {
    this.#channel.send(command, parts)
  }

  #receive({ header, body }: Frame): void {
    try {
      const message = parseEngineMessage(header)
      switch (message.kind) {
        case 'progress':
          this.#onStep?.(message.step)
          return
        case 'ready':
          this.#isLoading = false
          this.#loaded.resolve(message)
          return
        case 'failed':
          this.#loaded.reject(new CutoverError(message.code, message.message))
          this.kill({ kind: 'closed' })
          return
        case 'classes':
        case 'tensors':
        case 'error':
          this.#settle(message, body)
          return
        default:
          message satisfies never
      }
    } catch (error) {
      this.kill({ kind: 'crashed', reason: `it broke the protocol: ${messageOf(error)}` })
    }
  }

  #settle(message: EngineReply, body: Buffer): void {
    const pending = this.#pending.get(message.id)
    if (pending === undefined) return
    this.#pending.delete(message.id)
    clearTimeout(pending.timer)
    switch (message.kind) {
      case 'classes':
        pending.answer.resolve(message)
        return
      case 'tensors': {
        const outputs = unpackTensors(message.outputs, body)
        pending.answer.resolve({ kind: 'tensors', outputs, timings: message.timings })
        return
      }
      case 'error':
        pending.answer.reject(new CutoverError(message.code, message.message))
        return
      default:
        message satisfies never
    }
  }

  #end(ending: EngineEnding): void {
    this.#ending ??= ending
    this.#memory.stop()
    this.#channel.close()
    const failure = failureOf(this.#ending)
    this.#loaded.reject(failure)
    for (const { answer, timer } of this.#pending.values()) {
      clearTimeout(timer)
      answer.reject(failure)
    }
    this.#pending.clear()
    this.ended.resolve(this.#ending)
  }
}

function failureOf(ending: EngineEnding): CutoverError {
  switch (ending.kind) {
    case 'closed':
      return new CutoverError('ENGINE_CRASHED', 'the engine process was closed')
    case 'timeout':
      return new CutoverError('ENGINE_TIMEOUT', `the engine process was killed: ${ending.reason}`)
    case 'memory':
      return new CutoverError('ENGINE_CRASHED', `the engine process was killed: ${ending.reason}`)
    case 'crashed':
      return new CutoverError('ENGINE_CRASHED', `the engine process is gone: ${ending.reason}`)
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 ** 2)
}

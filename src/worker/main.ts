import { writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import path from 'node:path'

import { CutoverError, messageOf } from '../domain/errors.ts'
import { signatureNamed } from '../domain/signature.ts'
import type { EngineCommand, EngineMessage } from '../wire/engine-protocol.ts'
import type { Frame } from '../wire/frame.ts'
import { FrameChannel } from '../wire/frame-channel.ts'
import {
  answeredId,
  decodeRun,
  encodeResult,
  MESSAGE_BYTES_MAX,
  type RunCommand,
  type RunResult,
  sharedBodyOf,
  tooLong,
} from '../wire/run-message.ts'
import { type ModelHost, openModel } from './model-host.ts'
import { SharedBodies, type SharedBody } from './shared-bodies.ts'

/**
 * The program of an engine process. It answers commands that come over file descriptor 3 and
 * ends when that closes, so it never outlives the server.
 */
const CHANNEL_FD = 3
const SHARED_MEMORY_FD = 4

let host: ModelHost | undefined
const bodies = new SharedBodies(SHARED_MEMORY_FD)

const channel = new FrameChannel(new Socket({ fd: CHANNEL_FD }), {
  frameBytesMax: MESSAGE_BYTES_MAX,
  onFrame: (frame) => void (frame.isJson ? obey(frame) : answer(frame)),
  onClose: () => process.exit(0),
})

// A signal to the process group (Ctrl-C on a terminal) is the server's to handle: it drains first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

preferAsVictim()

function send(message: EngineMessage): void {
  channel.send(message)
}

async function obey(frame: Frame): Promise<void> {
  const command = frame.json() as EngineCommand
  switch (command.kind) {
    case 'load':
      try {
        host = await openModel(command, (step) => send({ kind: 'progress', step }))
        send({ kind: 'ready', ...host.info })
      } catch (error) {
        const { code, message } = failureOf(error, 'INTERNAL')
        // Runtimes name files by their place in the private copy, which says nothing to a publisher.
        const sentence = message.replaceAll(command.dir + path.sep, '')
        send({ kind: 'failed', code, message: sentence })
      }
      return
    case 'close':
      await host?.close()
      channel.close()
      return
    default:
      throw new TypeError(`an unknown command: ${JSON.stringify(command satisfies never)}`)
  }
}

/** Never rejects: what goes wrong is an answer, too. */
async function answer(frame: Frame): Promise<void> {
  let body: SharedBody | undefined
  try {
    if (host === undefined) throw new CutoverError('INTERNAL', 'a request before a model')
    const shared = sharedBodyOf(frame)
    body = shared === undefined ? undefined : bodies.read(shared)
    const command = decodeRun(host.info, frame, body)
    const result = await resultOf(host, command)
    const signature = command.kind === 'tensors' ? command.signature : undefined
    const known = signatureNamed(host.info, signature)
    const message = encodeResult(command.id, known, result)
    const excess = tooLong(message)
    if (excess !== undefined) throw new CutoverError('ENGINE_FAILED', `the answer has ${excess}`)
    channel.sendNumbers(message.header, message.parts)
  } catch (error) {
    send({ kind: 'error', id: answeredId(frame), ...failureOf(error, 'ENGINE_FAILED') })
  } finally {
    if (body !== undefined) bodies.giveBack(body)
  }
}

function resultOf(host: ModelHost, command: RunCommand): Promise<RunResult> {
  if (command.kind === 'image') return host.classify(command.image, command.topK, command.alone)
  return host.infer(command.inputs, command)
}

/** A backend says itself what is the model's fault; the rest is the world's, or ours. */
function failureOf(error: unknown, otherwise: 'INTERNAL' | 'ENGINE_FAILED') {
  return {
    code: error instanceof CutoverError ? error.code : otherwise,
    message: messageOf(error),
  }
}

/** When memory runs out, the kernel should end an engine, which is replaced, not the server. */
function preferAsVictim(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '500')
  } catch {
    // Not Linux, or not allowed: the kernel chooses by itself.
  }
}

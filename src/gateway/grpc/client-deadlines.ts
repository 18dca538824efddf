import type { ServerHttp2Stream } from 'node:http2'

import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  status,
} from '@grpc/grpc-js'

import type { Settings } from '../../wire/settings.ts'
import { MessageFrames } from './message-frames.ts'

/** What moves over a connection in a while besides messages: pings, windows, headers. */
const OVERHEAD_BYTES_MAX = 1024

/**
 * Bounds for how long a client may leave with the server half a message, or an answer that it does
 * not read: both are memory.
 */
export function clientDeadlines(
  settings: Pick<Settings, 'bodyTimeoutMs' | 'answerTimeoutMs'>,
): ServerInterceptor {
  return ({ requestStream }, call) => {
    const stream = streamOf(call)
    const end = (code: status, details: string) => {
      call.sendStatus({ code, details })
      // The client's half would stay open, and what has come of its message with it.
      stream.once('finish', () => stream.close())
    }
    watchRequest(stream, end, { isStream: requestStream, timeoutMs: settings.bodyTimeoutMs })
    return new AnsweredCall(call, stream, settings.answerTimeoutMs)
  }
}

/** @grpc/grpc-js keeps it to itself, and nothing else tells how far a message has come or gone. */
function streamOf(call: ServerInterceptingCallInterface): ServerHttp2Stream {
  return (call as unknown as { readonly stream: ServerHttp2Stream }).stream
}

/**
 * Ends a unary call whose request has not arrived after a while, as HTTP's are, and a stream when
 * one of its messages takes as long; between two of them it may wait for as long as its client lives.
 */
function watchRequest(
  stream: ServerHttp2Stream,
  end: (code: status, details: string) => void,
  { isStream, timeoutMs }: { readonly isStream: boolean; readonly timeoutMs: number },
): void {
  const frames = new MessageFrames()
  let timer: NodeJS.Timeout | undefined
  const stop = () => {
    clearTimeout(timer)
    timer = undefined
  }
  const late = () => end(status.DEADLINE_EXCEEDED, 'the request did not arrive in time')
  const start = () => (timer ??= setTimeout(late, timeoutMs))
  const take = (chunk: Buffer) => {
    frames.take(chunk)
    if (frames.areTooSmall) {
      stream.off('data', take)
      end(status.RESOURCE_EXHAUSTED, 'the message comes in too many small frames')
    } else if (isStream && frames.isWithinMessage && !stream.isPaused()) start()
  }
  stream.on('data', take)
  stream.once('close', stop)
  if (!isStream) {
    start()
    stream.once('end', stop)
    return
  }
  // After each message it is paused until there is room for another: that is not the client's time.
  stream.on('pause', stop)
  stream.on('resume', () => {
    if (frames.isWithinMessage) start()
  })
}

/** Cuts a connection off over which nothing moves while it has an answer to read. */
class AnsweredCall extends ServerInterceptingCall {
  readonly #stream: ServerHttp2Stream
  readonly #timeoutMs: number

  constructor(call: ServerInterceptingCallInterface, stream: ServerHttp2Stream, timeoutMs: number) {
    super(call)
    this.#stream = stream
    this.#timeoutMs = timeoutMs
  }

  override sendMessage(message: unknown, callback: () => void): void {
    const stream = this.#stream
    const { session } = stream
    const sentBytes = () => session?.socket.bytesWritten ?? 0
    let sent = sentBytes()
    const timer = setInterval(() => {
      const before = sent
      sent = sentBytes()
      if (sent - before <= OVERHEAD_BYTES_MAX) session?.destroy()
    }, this.#timeoutMs)
    const stop = () => clearInterval(timer)
    stream.once('close', stop)
    super.sendMessage(message, () => {
      stop()
      stream.off('close', stop)
      callback()
    })
  }
}

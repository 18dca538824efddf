import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Answer } from './answer.ts'
import type { Effect } from './faults.ts'

interface Delivery {
  readonly bytesPerSecond: number
  readonly bytesMax: number
  readonly contentLength: number
  readonly isChunked: boolean
  readonly ending: 'end' | 'close' | 'reset'
}

const STEPS_PER_SECOND = 20

/** Sends an answer as well as the effects let it. Resolves with the bytes of the body that were sent. */
export async function deliver(
  answer: Answer,
  response: ServerResponse,
  effects: readonly Effect[],
): Promise<number> {
  if (response.destroyed) return 0 // the client has gone
  const delivery = effects.reduce((so, effect) => worsened(so, effect, answer), whole(answer))
  const { contentLength, isChunked, ending } = delivery
  const hasLength = answer.status !== 204 && answer.status !== 304 && !isChunked
  if (hasLength) response.setHeader('content-length', contentLength)
  // A connection on which the lengths do not agree is of no use for another request.
  if (ending !== 'end') response.shouldKeepAlive = false
  const { 'content-length': _length, ...headers } = answer.headers
  response.writeHead(answer.status, headers)

  let sent = 0
  async function* pieces() {
    for await (const chunk of answer.body.read(0, Math.min(delivery.bytesMax, answer.body.bytes))) {
      for await (const piece of paced(chunk, delivery.bytesPerSecond)) {
        sent += piece.length
        yield piece
      }
    }
  }
  try {
    await pipeline(Readable.from(pieces(), { objectMode: true }), response, { end: false })
  } catch (error) {
    if (!response.destroyed) throw error
    return sent
  }
  if (ending === 'reset') {
    await flushed(response)
    response.socket?.resetAndDestroy()
  } else if (ending === 'close' && sent < contentLength) {
    await flushed(response)
    response.socket?.destroySoon()
  } else {
    response.end()
  }
  return sent
}

function whole({ body, headers }: Answer): Delivery {
  const contentLength = Number(headers['content-length'] ?? body.bytes)
  return {
    bytesPerSecond: Infinity,
    bytesMax: Infinity,
    contentLength,
    isChunked: false,
    ending: 'end',
  }
}

function worsened(delivery: Delivery, effect: Effect, { body }: Answer): Delivery {
  const half = Math.floor(body.bytes / 2)
  switch (effect.kind) {
    case 'slow':
      return { ...delivery, bytesPerSecond: effect.bytesPerSecond }
    case 'pad':
      return { ...delivery, isChunked: effect.isChunked ?? false }
    case 'truncate':
      return { ...delivery, bytesMax: effect.afterBytes ?? half, ending: 'close' }
    case 'reset-mid-body':
      return { ...delivery, bytesMax: effect.afterBytes ?? half, ending: 'reset' }
    case 'content-length': {
      const contentLength = Math.max(0, delivery.contentLength + effect.delta)
      return { ...delivery, contentLength, ending: 'close' }
    }
    default:
      return delivery
  }
}

async function* paced(chunk: Uint8Array, bytesPerSecond: number): AsyncIterable<Uint8Array> {
  if (bytesPerSecond === Infinity) {
    yield chunk
    return
  }
  const step = Math.max(1, Math.floor(bytesPerSecond / STEPS_PER_SECOND))
  for (let at = 0; at < chunk.length; at += step) {
    yield chunk.subarray(at, at + step)
    await sleep((step / bytesPerSecond) * 1000)
  }
}

/** Until what was written is with the kernel. */
async function flushed(response: ServerResponse): Promise<void> {
  response.flushHeaders()
  const { socket } = response
  if (socket === null || socket.destroyed) return
  await new Promise<void>((resolve) => {
    socket.write('', () => resolve())
    socket.once('close', () => resolve())
  })
}

import { Buffer } from 'node:buffer'

import { expect, test } from 'vitest'

import { MessageFrames } from '../../src/gateway/grpc/message-frames.ts'

function message(bytes: number): Buffer {
  const framed = Buffer.alloc(5 + bytes, 1)
  framed.writeUInt32BE(bytes, 1)
  return framed
}

/** Where the bytes that have come end within a message, one byte at a time. */
function within(bytes: Buffer, step: number): boolean[] {
  const frames = new MessageFrames()
  const seen: boolean[] = []
  for (let at = 0; at < bytes.length; at += step) {
    frames.take(bytes.subarray(at, at + step))
    seen.push(frames.isWithinMessage)
  }
  return seen
}

test('a message begins with its first byte and ends with its last, wherever it is cut', () => {
  const two = Buffer.concat([message(3), message(0), message(300)])
  const expected = Array.from({ length: two.length }, (_, at) => ![7, 12, 317].includes(at))
  expect(within(two, 1)).toEqual(expected)
  for (const step of [2, 3, 7, 13, 400]) {
    const ends = Array.from({ length: Math.ceil(two.length / step) }, (_, i) =>
      Math.min((i + 1) * step, two.length),
    )
    expect(within(two, step)).toEqual(ends.map((end) => expected[end - 1]))
  }
})

test('a message of small pieces is one of too many of them, many small messages are not', () => {
  const frames = new MessageFrames()
  const large = message(1_000_000)
  frames.take(large.subarray(0, 16_384))
  for (let at = 16_384; at < 24_000; at++) frames.take(large.subarray(at, at + 1))
  expect(frames.areTooSmall).toBe(true)
  const others = new MessageFrames()
  for (let i = 0; i < 10_000; i++) others.take(message(1))
  for (let at = 0; at < large.length; at += 1024) others.take(large.subarray(at, at + 1024))
  expect(others.areTooSmall).toBe(false)
})

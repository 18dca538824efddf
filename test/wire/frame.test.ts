import { Buffer } from 'node:buffer'

import { describe, expect, test } from 'vitest'

import { parseEngineMessage } from '../../src/wire/engine-protocol.ts'
import { type Frame, FrameDecoder, FrameWriter } from '../../src/wire/frame.ts'

function write(use: (writer: FrameWriter) => void): Buffer {
  const writer = new FrameWriter()
  use(writer)
  return Buffer.concat(writer.take())
}

function decode(stream: Buffer, chunkBytes: number, frameBytesMax = 1e6): Frame[] {
  const frames: Frame[] = []
  const decoder = new FrameDecoder(frameBytesMax, (frame) => frames.push(frame))
  for (let at = 0; at < stream.length; at += chunkBytes) {
    decoder.push(stream.subarray(at, at + chunkBytes))
  }
  return frames
}

describe('frames', () => {
  const headers = [{ a: 1 }, { text: 'ünï\ncode' }, {}, { big: 'x'.repeat(40_000) }]
  const large = Uint8Array.from({ length: 5_001 }, (_, i) => i)
  const stream = write((writer) => {
    for (const header of headers) writer.json(header)
    writer.numbers([1, -0.5, NaN], [Uint8Array.of(1, 2, 3), new Uint8Array(), Uint8Array.of(4)])
    writer.numbers([2], [large, Uint8Array.of(5)])
    writer.numbers([3])
  })

  test.each([1, 3, 8, 100, 1e6])('survive being cut every %d bytes', (chunkBytes) => {
    const frames = decode(stream, chunkBytes)
    expect(frames.map(({ isJson }) => isJson)).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
    ])
    expect(frames.slice(0, 4).map((frame) => frame.json())).toEqual(headers)
    const [small, big, last] = frames.slice(4)
    expect([0, 1, 2].map((i) => small?.number(i))).toEqual([1, -0.5, NaN])
    expect([...(small?.part(0, 3) ?? [])]).toEqual([1, 2, 3])
    expect([...(small?.part(8, 1) ?? [])]).toEqual([4])
    expect(big?.part(0, 5_001).equals(large)).toBe(true)
    expect([...(big?.part(5_008, 1) ?? [])]).toEqual([5])
    expect([last?.number(0), last?.numberCount]).toEqual([3, 1])
  })

  test('that a writer made together do not change when more is written', () => {
    const writer = new FrameWriter()
    writer.numbers([1])
    const [first] = writer.take()
    const copy = Buffer.from(first ?? [])
    for (let i = 0; i < 10_000; i++) writer.numbers([2])
    expect(Buffer.from(first ?? []).equals(copy)).toBe(true)
    expect(decode(Buffer.concat(writer.take()), 1e6)).toHaveLength(10_000)
    expect(writer.take()).toEqual([])
  })

  test('longer than the bound are refused before they are read', () => {
    const long = write((writer) => writer.json({ a: 'x'.repeat(1000) }))
    expect(() => decode(long, 10, 500)).toThrow(/at most 500/)
  })

  test('give nothing beyond themselves', () => {
    const [first] = decode(
      write((writer) => {
        writer.numbers([1], [new Uint8Array(8)])
        writer.numbers([2])
      }),
      1e6,
    )
    expect(() => first?.number(1)).toThrow(/without a number/)
    expect(() => first?.part(0, 9)).toThrow(/beyond the frame/)
  })

  test('that are no JSON are refused', () => {
    const frame = write((writer) => writer.json({ a: 1 }))
    frame[9] = 0x21
    expect(() => decode(frame, 100)[0]?.json()).toThrow()
  })
})

test.each([
  null,
  'ready',
  {},
  { kind: 'nonsense' },
  { kind: 'error', id: 1, code: 'NOT_A_CODE', message: 'm' },
  { kind: 'ready', signature: { inputs: [{ name: 'x', dtype: 'complex64' }], outputs: [] } },
  { kind: 'ready' },
])('a message that an engine must not send is refused: %j', (message) => {
  expect(() => parseEngineMessage(message)).toThrow()
})
